"""What the classifier reads: the sentences of examples/intents with their split, `stop`, a command without slots,
and talk that is no command, so that it learns what to hand over.

    commands.py N        prints N held-out sentences and FAR_TALK as a C header for accuracy.c
"""
import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "intents"))
import sentences as home  # noqa: E402

CLASSES = [*home.INTENTS, "stop"]

STOP = (  # wordings for training, wordings held out
    """stop|stop (it|that|this|everything|all of it)|cancel (it|that|this|everything)|(be|keep) quiet|shut up|hush
    forget (it|that)|(no|) (enough|halt)|that is enough|abort|(do|go) nothing|leave it (alone|)|do not do (it|that)
    (no|) go back to sleep|that was wrong|(stop|cancel) what you (do|are doing)|silence (please|now|)|undo (it|that)
    (please|) (stop|cancel) it now|quiet (please|)|please be quiet|stop talking|not now|no|no not that|drop it""",
    """(please|) stop (now|at once)|stop doing (that|it)|cancel all of it|enough of (that|it|this)
    forget (all|about) (it|that)|quiet now""")

TALK = """how (do|does|did|can|could) (i|you|he|she|they|we|one) (make|build|clean|find|learn|write|fix) THING
    (who|when|where|why|how) (was|is|are|were|did|does) THING|what (is|was|does|are) THING (mean|called|about|like|for)
    (write|tell|read|show|explain|give|translate|summarise|describe|spell) (me|us|) (a|the|some|) THING (about|of|from|for|to|) THING
    (book|order|buy|find|send|get|add|sell|cook|bring) (me|us|) (a|the|some|two|six) THING (for|to|from|at|with|on|) (the|my|) THING
    (did|do|does|is|are|was|will|can|should|has) (we|he|she|they|it|you|i|the THING|my THING) (still|ever|really|) THING
    (i|we|they|he|she) (think|thought|know|hope|guess|said|need|want|saw|lost|have) (that|to|the|my|a|) THING (and|but|with|in|on|) (the|) THING
    (my|the|your|our|this|that) THING (is|was|hurts|looks|needs|has|will|broke) (a|the|very|too|) THING
    how (many|much|far|long|tall|deep|fast|big|heavy) (is|are|does|was) (the|a|my|) THING (to|from|in|of|) THING
    what is the (best|largest|name|price|meaning|colour|capital|number) (of|in|for) (the|a|) THING|THING|THING and THING
    which THING (should|did|can) (i|we|he) THING|(yes|well|oh|so) (but|and|) the THING (of|in|) THING|(nobody|somebody|everybody) THING the THING
    there (is|are|was) (a|no|some|many) THING (in|on|under|behind|at) (the|my|) THING|(is|was) there (a|any|some) THING (in|at|) (the|) THING"""
THINGS = """apple answer beach bill bird book bottle bread bridge brother car chair chicken child china city coffee colleague computer
    country cousin cup day dentist dinner doctor dog dream egg europe evening exam family farm film fish flight flower friend fruit
    game germany gold grass guitar hat heart history holiday homework horse hospital hour hotel house idea internet island
    job joke keys king knee lake language law lesson letter library line list london love lunch map market meal medicine
    meeting message milk money moon morning mother mountain mouse name neighbour night novel number ocean onion page paper park
    party past pasta pen people phone picture plane planet plant poem president price problem queen question rain
    rice river road salad salt school sea shirt shoes shop sister sky snow soap song soup spain spring star station
    story street sugar summer sun table taxi tea teacher team test ticket tooth town train travel tree trip tuesday umbrella uncle
    university wall war water week wife wind winter wine woman word work world year zoo
    run fall eat walk grow fly sleep drive open swim cost rise happen work win lose mean arrive move begin cry laugh read""".split()

# No template made these: what people might say to a speaker in a kitchen.
FAR_TALK = """explain to me why the sky is blue|how do i cook rice for six people|write a poem about the sea|what is the capital of france
    how far away is the moon|book a table for two at eight|translate good morning into spanish|did we win the game last night
    add eggs to the shopping list|what should i wear today|tell me about the french revolution|is the shop still open|my head hurts
    summarise the news of this week|who wrote hamlet|order a pizza|find me a recipe with beans|when was the war over
    how tall is mount everest|what does this word mean|can you fix my computer|i think we should leave soon|the garden needs rain
    read me the email from my boss|how much is a ticket to rome|she moved to another country last year|are there any trains after midnight
    convert five miles to kilometres|what rhymes with orange|the neighbours are having a party again|how do you spell necessary
    is it safe to eat this mushroom|remember that i parked on level two|why does the cat look at me like that|say something nice to grandma
    do i have any appointments on friday|which film won the prize|that was a lovely dinner|what happened in the world today|i lost my keys"""


def choose(text, r):
    text = r.choice([t.strip() for t in re.split(r"\|(?![^(]*\))|\n", text)])
    text = re.sub(r"\(([^()]*)\)", lambda m: r.choice(m[1].split("|")), text)
    return re.sub("THING", lambda _: home.made_up(r) if r.random() < 0.3 else r.choice(THINGS), text).split()


def plain(kind, words):
    return kind, words, ["O"] * len(words)


def sentences(n, seed, held_out=False):
    """(class, words, the tag of each word): `stop` as often as each intent, in training twice as much talk."""
    r = random.Random(seed + 100)
    made = []
    for intent, words, tags in home.sentences(n, seed, held_out):
        kind = r.randrange(len(CLASSES) + 2 * (not held_out))
        if kind == 0:
            made.append(plain("stop", choose(STOP[held_out], r)))
        elif kind > len(CLASSES) - 1:
            made.append(plain("none", choose(TALK, r)))
        else:
            made.append((intent, words, tags))
    return made


def far_talk():
    return [plain("none", t.split()) for t in re.split(r"\||\n", FAR_TALK)]


def outcome(kind, words, tags):
    """As accuracy.c writes what the orchestra made of it; "" is the hand-over."""
    if kind == "none":
        return ""
    slots = "".join((f" {t[2:]}:" if t[0] == "B" else "") + f" {w}" for w, t in zip(words, tags) if t != "O")
    return kind + slots


def header(n):
    print("/* Held-out sentences: text, number of the class, class and slots; and talk from elsewhere. */")
    print("static const struct {\n    const char *text;\n    int32_t kind;\n    const char *outcome;\n} held_out[] = {")
    for kind, words, tags in sentences(n, 2, True):
        print(f'    {{"{" ".join(words)}", {CLASSES.index(kind)}, "{outcome(kind, words, tags)}"}},')
    print("};\nstatic const char *const far_talk[] = {")
    for _, words, _ in far_talk():
        print(f'    "{" ".join(words)}",')
    print("};")


if __name__ == "__main__":
    header(int(sys.argv[1]))
