"""Commands for a home, with intent and slots, from templates: seeded, so the same everywhere.

    sentences.py [N]        prints N sentences for training and N held-out ones

A template is words, <slot>s and (one|of|these|) choices. Held-out sentences are made of templates that
training never sees; half of their slots are filled with words that training never sees either.
"""
import functools
import random
import re
import sys

SLOTS = {  # name: values for training, values held out
    "room": ("kitchen|bedroom|living room|bathroom|hall|garage|office|dining room|basement|nursery|"
             "guest room|attic|study|laundry room|upstairs bathroom|kids room|garden|porch|hallway|"
             "master bedroom|reading corner|entrance|stairs|workshop",
             "playroom|conservatory|pantry|sun room|wine cellar|library|terrace|closet"),
    "level": ("ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|a hundred|five|NUMBER",
              "fifteen|thirty five|ninety|eighty five|NUMBER"),
    "degrees": ("eighteen|nineteen|twenty|twenty one|twenty two|sixteen|twenty four|NUMBER",
                "seventeen|twenty three|twenty five|NUMBER"),
    "duration": ("ten minutes|five minutes|an hour|two hours|thirty seconds|half an hour|one minute|"
                 "a quarter of an hour|twenty minutes|three hours|NUMBER minutes|NUMBER seconds|"
                 "one hour and ten minutes|two and a half hours|forty minutes|NUMBER hours|NUMBER minutes|a minute and a half",
                 "four minutes|fifteen minutes|an hour and a half|six hours|ninety seconds|"
                 "NUMBER minutes|two minutes"),
    "colour": ("red|blue|green|yellow|white|orange|purple|warm white|pink|light blue|dark red|cold white",
               "turquoise|violet|magenta|soft yellow|golden"),
    "music": ("jazz|rock|classical music|some blues|the beatles|pop songs|my favourites|relaxing music|"
              "heavy metal|miles davis|country|piano music|the news|folk songs|christmas songs|bob dylan|"
              "soft jazz|dance music|a podcast|radio three",
              "techno|opera|johnny cash|reggae|guitar music|an audio book|nina simone"),
    "door": ("front door|back door|garage door|garden gate|main entrance|cellar door|side door|gate",
             "balcony door|patio door|west gate|entrance door"),
}

PLEASE = "(please|could you|can you|would you|hey|i want you to|) "
INTENTS = {  # name: templates for training, templates held out
    "lights_on": (
        """(turn|switch) on the (light|lights|lamp|lamps) in the <room>|(turn|switch) the <room> (light|lights) on
        (turn|switch) the (light|lights|lamp) on in the <room>|lights on in the <room>|<room> (light|lights|lamp) on
        i need (some|) light in the <room>|it is (too|so) dark in the <room>|(turn|switch) on the <room> (lamp|lights)
        the <room> needs (more|some) light|i (want|like) the <room> (light|lights) on|the <room> is dark|make it (bright|light) in the <room>|(all|) lights on in the <room> (now|)
        let there be light in the <room>|(light|lights) on (now|)|(turn|switch) on (all|) the (light|lights|lamps)
        the <room> seems dark|put some light on in the <room>|could i have the <room> lamp on|get the <room> (light|lamp) going|have the lamps on in the <room>""",
        """(put|turn) the lamps in the <room> on|i would like the <room> (light|lights) on (now|)
        the <room> is too dark (for me|)|in the <room> (turn|switch) on the (lights|lamp)|(lamp|lights) in the <room> on"""),
    "lights_off": (
        """(turn|switch) off the (light|lights|lamp|lamps) in the <room>|(turn|switch) the <room> (light|lights) off
        (turn|switch) the (light|lights|lamp) off in the <room>|lights off in the <room>|<room> (light|lights|lamp) off
        i do not need (any|) light in the <room>|make it dark in the <room>|(turn|switch) off the <room> (lamp|lights)
        nobody is in the <room> (so|) lights off|i (want|like) the <room> (light|lights) off|the <room> is bright|no (more|) light in the <room>|(all|) lights off in the <room> (now|)
        (light|lights) off (now|)|(turn|switch) off (all|) the (light|lights|lamps)|it is too bright in the <room>
        the <room> seems bright|put that light off in the <room>|could i have the <room> lamp off|get the <room> (light|lamp) out|have the lamps off in the <room>""",
        """(put|turn) the lamps in the <room> off|i would like the <room> (light|lights) off (now|)
        the <room> is too bright (for me|)|in the <room> (turn|switch) off the (lights|lamp)|(lamp|lights) in the <room> off"""),
    "lights_level": (
        """(dim|set|turn|bring) the (light|lights|lamp) in the <room> (down|) to <level> percent|dim the <room> (light|lights)
        (dim|set) the <room> (light|lights|lamp) to <level> percent|<room> (light|lights) (at|to) <level> percent
        set the brightness (in|of) the <room> to <level> percent|lights to <level> percent in the <room>
        i want <level> percent (light|brightness) in the <room>|brightness <level> percent in the <room>
        (make|turn) the <room> (light|lights|lamp) (up|down) to <level> percent|(dim|lower) the (light|lights|lamps) in the <room>|<level> percent in the <room>|bring the <room> (light|lights) to <level> percent
        have the <room> lamp at <level> percent|brightness in the <room> <level> percent|<level> percent for the <room> (lights|lamp)|put the (lights|lamp) in the <room> at <level> percent now""",
        """in the <room> (dim|set) the (light|lights) to <level> percent|(bring|put) the <room> lamp to <level> percent
        <level> percent brightness in the <room>|please have the <room> lights dimmed to <level> percent"""),
    "light_colour": (
        """(make|turn|set) the (light|lights|lamp) in the <room> (to|) <colour>|(make|turn|set) the <room> (light|lights|lamp) <colour>
        <colour> (light|lights) in the <room>|change the colour of the <room> (light|lights) to <colour>
        i want <colour> light in the <room>|change the <room> (lamp|lights) to <colour>|set the colour in the <room> to <colour>
        give me <colour> lights in the <room>|the (light|lights) in the <room> should be <colour>|the <room> lights must be <colour>|colour <colour> in the <room>|(make|turn) the lights <colour>
        have the <room> lamp in <colour>|i need the <room> lights <colour>|<room> lamp <colour>|could the <room> light become <colour>|<colour> for the <room> (light|lamps)|put <colour> light on in the <room>|(light|lamp) in the <room> <colour>""",
        """in the <room> (make|turn) the (light|lights) <colour>|the <room> (light|lamp) should be <colour>
        i would like <colour> lights in the <room>|let the <room> lights be <colour>|<room> lights to <colour>"""),
    "set_temperature": (
        """set the (temperature|heating|thermostat) in the <room> to <degrees> degrees|set the <room> to <degrees> degrees
        (make|heat) the <room> (to|) <degrees> degrees|<degrees> degrees in the <room>|(turn|set) the (thermostat|heating) to <degrees> degrees
        i want (it|) <degrees> degrees in the <room>|it should be <degrees> degrees in the <room>
        (warm up|cool down|heat) the <room> to <degrees> (degrees|)|change the temperature (in|of) the <room> to <degrees> degrees
        temperature <degrees> degrees|the <room> must be <degrees> degrees|(bring|get) it to <degrees> degrees|(turn|switch) the <room> heating to <degrees> degrees|make it <degrees> degrees
        have the <room> at <degrees> degrees|heating in the <room> <degrees> degrees|let it be <degrees> degrees in the <room>|put the <room> thermostat to <degrees> degrees|can the <room> have <degrees> degrees""",
        """in the <room> set the (heating|temperature) to <degrees> degrees|the <room> should be <degrees> degrees
        (bring|get) the <room> to <degrees> degrees|i would like <degrees> degrees in the <room>|thermostat to <degrees> degrees"""),
    "set_timer": (
        """set a timer (for|to) <duration>|set (an|the) alarm (for|in) <duration>|(start|make) a timer (for|of) <duration>
        remind me in <duration>|wake me (up|) in <duration>|timer (for|) <duration>|count down <duration>
        i need a timer for <duration>|tell me when <duration> (are|is) over|a <duration> timer|call me in <duration>
        start a <duration> timer|i want a timer of <duration>|give me <duration>
        have a timer go off in <duration>|ring in <duration>|in <duration> (call|ring) me|tell me in <duration> to (eat|leave)|the timer must be <duration>|alarm after <duration>|set it for <duration>""",
        """i would like a timer for <duration>|let me know in <duration>|in <duration> wake me up
        (start|set) the timer to <duration>|alarm in <duration>|a timer of <duration>"""),
    "play_music": (
        """play <music> (in the <room>|)|put on <music> (in the <room>|)|i want to hear <music>|start <music> in the <room>
        (can we|let us) (hear|have) <music>|play (me|us) <music>|listen to <music>|i (want|like) to listen to <music>
        start playing <music>|turn on <music> in the <room>|play something by <music>|i am in the mood for <music>|hear <music>|<music> (please|)|songs by <music>|i would like <music>
        could i hear <music> in the <room>|have <music> on|get <music> going (in the <room>|)|find <music> and play it|play music by <music>|we want <music> on in the <room>|let <music> play|switch on <music>|put <music> on in the <room>""",
        """in the <room> play <music>|i would like to hear <music> (in the <room>|)|put <music> on
        let me hear <music>|(start|turn on) <music>|play songs by <music>"""),
    "set_volume": (
        """(set|turn) the (volume|sound|music) (up|down|) to <level> percent|volume <level> (percent|)|make it (louder|quieter)
        (turn|make) the (volume|music|sound) (up|down|louder|quieter) (in the <room>|)|(louder|quieter) (please|)
        volume (at|to) <level> percent (in the <room>|)|the music is too (loud|quiet) (in the <room>|)
        set the (volume|sound) in the <room> to <level> percent|(turn it|turn that) (up|down)|play it (louder|quieter)|i want the (sound|volume) (louder|quieter)|the volume must be <level> percent|sound <level> percent
        have the volume at <level> percent|i need the (sound|music) at <level> percent|put the volume to <level> percent|bring the (sound|music) to <level> percent|the (sound|music) is too (loud|quiet)|(loud|quiet) music in the <room>""",
        """i want the volume at <level> percent|in the <room> set the volume to <level> percent|the (sound|volume) should be <level> percent
        (music|sound) to <level> percent|it is too (loud|quiet) in the <room>"""),
    "blinds_open": (
        """(open|raise|pull up) the (blinds|shutters|curtains) in the <room>|(open|raise) the <room> (blinds|shutters|curtains)
        (blinds|shutters|curtains) (up|open) in the <room>|(pull|move) the <room> (blinds|curtains|shutters) up
        (open|raise) (all|) the (blinds|shutters|curtains)|<room> (blinds|shutters|curtains) (open|up)|let the sun into the <room>|the <room> (blinds|curtains) should be open
        i want the (blinds|curtains) in the <room> open|let the sun in|(blinds|shutters) up (please|)
        the (blinds|shutters) in the <room> must go up|have the <room> (blinds|curtains) open|let the (blinds|curtains) in the <room> up|get the (shutters|blinds) in the <room> open|bring the <room> shutters up|could the <room> curtains be open""",
        """in the <room> (open|raise) the (blinds|shutters)|i would like the <room> (curtains|blinds) open
        (pull|move) up the <room> (blinds|shutters)|(move|pull) the (curtains|blinds) in the <room> up"""),
    "blinds_close": (
        """(close|lower|pull down) the (blinds|shutters|curtains) in the <room>|(close|lower) the <room> (blinds|shutters|curtains)
        (blinds|shutters|curtains) (down|closed) in the <room>|(pull|move) the <room> (blinds|curtains|shutters) down
        (close|lower) (all|) the (blinds|shutters|curtains)|<room> (blinds|shutters|curtains) (closed|down)|keep the sun out of the <room>|the <room> (blinds|curtains) should be closed
        i want the (blinds|curtains) in the <room> closed|keep the sun out|(blinds|shutters) down (please|)
        the (blinds|shutters) in the <room> must go down|have the <room> (blinds|curtains) closed|let the (blinds|curtains) in the <room> down|get the (shutters|blinds) in the <room> closed|bring the <room> shutters down|could the <room> curtains be closed""",
        """in the <room> (close|lower) the (blinds|shutters)|i would like the <room> (curtains|blinds) closed
        (pull|move) down the <room> (blinds|shutters)|(move|pull) the (curtains|blinds) in the <room> down"""),
    "lock_door": (
        """(lock|close) the <door>|(make sure|check) the <door> is (locked|closed)|i (want|need) the <door> locked
        is the <door> locked|lock up the <door>|the <door> (should|must) be (locked|closed)|<door> (locked|closed)
        please lock the <door> (for me|now|)|keep the <door> (locked|closed)|did i lock the <door>|lock (all|) the doors
        have the <door> locked|could the <door> be locked|let us lock the <door>|see that the <door> is locked|the <door> has to be (locked|closed)|the <door> wants locking|you (must|should) lock the <door>""",
        """i would like the <door> locked|let the <door> be locked|the <door> needs to be locked|i need you to lock the <door>
        make sure you lock the <door>"""),
    "none": (
        """what is the (time|weather|date) (today|now|)|how are you (today|doing|)|tell me a (joke|story)|thank you (very much|)
        (good|nice) (morning|evening|night|day)|who (are|is) (you|that|she|he)|i am (hungry|tired|happy|late)
        (where|when) is (my|the) (phone|bus|meeting|train|dog)|what should we (eat|cook|do) (tonight|today)|never mind
        the (soup|coffee|dog|phone) is in the <room>|i like the <room>|she is in the <room> (now|)|he (bought|saw) a <colour> (car|shirt|house)
        my (car|shirt|phone) is <colour>|the (train|bus|meeting) is in <duration>|it took <duration> to get here|how (much|old) is (this|he|it)
        do you like <music>|i do not like <music>|i saw (him|her|it) in the <room>|tell me who is (here|there)|is (it|that) in the <room>|i am home in <duration>|send a (message|letter) to (mum|anna|my boss)|buy (milk|bread|eggs) tomorrow
        call (mum|anna|my boss|the doctor)|the <door> is (old|new|made of wood)|my room is (small|big)|we have <level> percent (more|less) rain
        the <door> looks <colour>|the <door> was <colour> (once|)|a <colour> <door>|the walls in the <room> are <colour>|we will be (back|there) in <duration>|i was (late|hungry|tired)|are you (happy|tired|hungry)|is she (late|here)|he was happy|will it be <colour>
        the <room> is (big|small|nice|mine)|my <door> is <colour>|the cat sleeps in the <room>|what was in the <room>|is anybody in the <room>|the <colour> one is mine|she has a <colour> (cat|bag)|dinner is in <duration>|i will (eat|sleep|work) (now|soon)|i will go home in <duration>|(hello|goodbye) (anna|mum|boss)|is it late|it is <degrees> degrees outside""",
        """i will be (late|home) in <duration>|who is in the <room>|the dog is in the <room> (today|)|what is (that|this) in the <room>
        the <door> is <colour>|how is the weather (tonight|tomorrow)|my (dog|car) is (old|small)|is he (tired|hungry|happy)
        tell (mum|anna) a joke|good night anna|i saw a <colour> (phone|bus)"""),
}

# Of these, training has the room first too; of the others that is new.
ROOM_FIRST = ("lights_level", "set_temperature", "blinds_open", "play_music", "none", "lights_off")

LABELS = list(INTENTS) + ["O"] + [f"{b}-{s}" for s in SLOTS for b in "BI"]


def templates(intent, held_out):
    text = INTENTS[intent][held_out]
    parts, depth, one = [], 0, ""
    for c in re.sub(r"\n\s*", "\x00", text).replace("\x00", "|"):
        depth += (c == "(") - (c == ")")
        if c == "|" and depth == 0:
            parts.append(one)
            one = ""
        else:
            one += c
    return [p.strip() for p in parts + [one] if p.strip()]


SYLLABLES = "b|c|d|f|g|h|l|m|n|p|r|s|t|v|w|st|br|ch|pl|tr|gr", "a|e|i|o|u|oo|ea|ai|y", "|n|r|s|t|l|ck|m|ry|th"
STEMS = "lock|light|play|turn|close|set|sun|bed|book|down|up|over|dark|class|sound|out|time|music|call|good".split("|")


def made_up(r):
    """A word that means nothing, or a known one that goes on: what a slot is has to be seen from its place."""
    syllables = ["".join(r.choice(part.split("|")) for part in SYLLABLES) for _ in range(r.choice((1, 2, 2, 3)))]
    return r.choice(STEMS) + syllables[0] if r.random() < 0.3 else "".join(syllables)


ONES = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen sixteen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty".split()
NEW_NUMBERS = ("fifteen", "seventeen", "ninety", "thirty five", "eighty five", "twenty three", "twenty five")


def number(r):
    """1 to 99 in digits or words, or in words that only end like those; what is held out never."""
    kind = r.random()
    if kind < 0.25:
        return str(r.randrange(1, 100))
    if kind < 0.4:
        syllable = made_up(r)[:4]
        text = r.choice((syllable + "teen", syllable + "ty", syllable + "ty " + r.choice(ONES)))
    else:
        text = r.choice((r.choice(ONES), r.choice(TEENS), r.choice(TENS), *[r.choice(TENS) + " " + r.choice(ONES)] * 2))
    return number(r) if any(n in text for n in NEW_NUMBERS) else text


@functools.lru_cache(None)
def parsed(intent, held_out):
    return templates(intent, held_out)


def fill(slot, r, held_out):
    known, unknown = (v.split("|") for v in SLOTS[slot])
    value = r.choice(unknown if held_out and r.random() < 0.5 else known)
    if held_out:
        return value.replace("NUMBER", str(r.randrange(1, 100)))
    if slot in ("room", "colour", "music", "door") and r.random() < 0.5:
        last = value.split()[-1]
        value = " ".join(made_up(r) for _ in range(r.choice((1, 1, 2, 3) if slot == "music" else (1, 1, 2))))
        if slot == "door" or r.random() < 0.3:
            value += " " + (r.choice(("door", "gate")) if slot == "door" else last)
        if slot == "music" and r.random() < 0.3:
            value = r.choice(("a", "an", "some", "the", "my")) + " " + value
    elif slot in ("level", "degrees") and r.random() < 0.5:
        value = "NUMBER"
    elif slot == "duration" and r.random() < 0.5:
        value = "NUMBER " + r.choice(("minutes", "seconds", "hours"))
    return value.replace("NUMBER", number(r))


@functools.lru_cache(None)
def all_of(intent, held_out):
    """Every choice of the intent's templates."""
    todo, done = list(parsed(intent, held_out)), set()
    while todo:
        text = todo.pop()
        m = re.search(r"\(([^()]*)\)", text)
        if m:
            todo += [text[: m.start()] + one + text[m.end() :] for one in m[1].split("|")]
        else:
            done.add(" ".join(text.split()))
    return done


def sentence(r, held_out):
    """intent, words, the tag of each word; in training no template that is held out, however it came about"""
    intent = r.choice(list(INTENTS))
    text = r.choice(parsed(intent, held_out))
    if not held_out and intent in ROOM_FIRST and " in the <room>" in text and r.random() < 0.4:
        text = "in the <room> " + text.replace(" in the <room>", "", 1)
    text = "/" + text + "/"
    if intent != "none":
        text = PLEASE + text + r.choice(("", "", "", " please", " now"))
    while "(" in text:
        text = re.sub(r"\(([^()]*)\)", lambda m: r.choice(m[1].split("|")), text, count=1)
    before, body, after = text.split("/")
    if not held_out and " ".join(body.split()) in all_of(intent, True):
        return sentence(r, held_out)
    text = f"{before} {body} {after}"
    words, tags = [], []
    for part in re.findall(r"<\w+>|[^<>]+", text):
        if part.startswith("<"):
            values = fill(part[1:-1], r, held_out).split()
            words += values
            tags += ["BI"[i > 0] + "-" + part[1:-1] for i in range(len(values))]
        else:
            words += part.split()
            tags += ["O"] * len(part.split())
    return intent, words, tags


def sentences(n, seed, held_out=False):
    r = random.Random(seed)
    return [sentence(r, held_out) for _ in range(n)]


if __name__ == "__main__":
    for held in (False, True):
        for intent, words, tags in sentences(int(sys.argv[1]) if len(sys.argv) > 1 else 5, 1, held):
            print("held out" if held else "training", intent, " ".join(
                w if t == "O" else f"{w}/{t}" for w, t in zip(words, tags)), sep="\t")
