"""Writes the log of a bottling line that does not exist, with a seed.

    make_log.py KIND LINES SEED > FILE

KIND normal: lines as they always are. KIND mixed: one line in eight is an anomaly; each line is led
by its label and a tab: "-" for a normal one, or what is wrong with it.
"""
import random
import sys

UNITS = ("filler", "capper", "washer", "labeler")
RECIPES = {"A2": (64, 330), "B7": (71, 500), "C1": (58, 750), "D4": (80, 1000)}
OPERATORS = ("weber", "lopez", "ito", "novak")
FAULTS = (
    "{unit}: motor overcurrent, tripped", "oven: thermocouple open, zone {zone}",
    "{unit}: bearing noise above limit", "pump: dry run detected", "watchdog: reset of node {zone}",
    "{unit}: emergency stop pressed", "flash: write error at block {block}", "disk: /log is full",
    "belt: slip, sensor {zone} lost pulses", "unknown frame from node {zone}, crc {block:04x}",
)


class Line:
    """One production line: its state moves a little with every message."""

    def __init__(self, rng):
        self.rng, self.clock, self.beat, self.batch = rng, rng.randrange(86400), 0, 1000
        self.recipe, self.door = "A2", None

    def normal(self):
        self.clock = (self.clock + self.rng.randrange(1, 20)) % 86400
        pick = self.rng.choices((self.pump, self.oven, self.belt, self.unit, self.pulse,
                                 self.doors, self.batches, self.link),
                                (20, 22, 14, 16, 10, 8, 7, 3))[0]
        return self.stamp() + " " + pick()

    def stamp(self):
        return f"{self.clock // 3600:02}:{self.clock // 60 % 60:02}:{self.clock % 60:02}"

    def pump(self, flow=None, bar=None):
        flow = self.rng.uniform(29.5, 32.4) if flow is None else flow
        bar = 2.1 + (flow - 29.5) * 0.15 if bar is None else bar  # pressure goes with flow
        return f"pump: flow {flow:.1f} l/min, {bar:.1f} bar"

    def oven(self, off=None):
        goal = RECIPES[self.recipe][0]
        off = self.rng.randrange(-1, 2) if off is None else off
        return f"oven: zone {self.rng.randrange(1, 5)} at {goal + off} C, set {goal} C"

    def belt(self, load=None):
        load = self.rng.randrange(38, 47) if load is None else load
        return f"belt: {self.rng.choice(('0.50', '0.51', '0.52'))} m/s, load {load} %"

    def unit(self, rejects=None):
        size = RECIPES[self.recipe][1]
        rejects = self.rng.choices((0, 1, 2), (80, 15, 5))[0] if rejects is None else rejects
        return f"{self.rng.choice(UNITS)}: {self.rng.randrange(96, 104)} a minute, " \
               f"{size} ml, {rejects} rejects"

    def pulse(self):
        self.beat = (self.beat + 1) % 1000
        return f"heartbeat {self.beat:03}: all nodes ok"

    def doors(self, number=None):
        if self.door is None or number is not None:
            door = self.rng.randrange(1, 4) if number is None else number
            self.door = door if number is None else self.door
            return f"door {door}: opened by {self.rng.choice(OPERATORS)}"
        door, self.door = self.door, None
        return f"door {door}: closed after {self.rng.randrange(4, 30)} s"

    def batches(self):
        self.batch += 1
        self.recipe = self.rng.choice(sorted(RECIPES))
        return f"batch {self.batch}: recipe {self.recipe}, {RECIPES[self.recipe][1]} ml, started"

    def link(self):
        return f"net: link up, 100 Mbit, {self.rng.randrange(1, 10)} ms"

    # Anomalies ----------------------------------------------------------------------------------

    def value(self):
        """A number that the machine never shows."""
        rng = self.rng
        return self.stamp() + " " + rng.choice((
            lambda: self.pump(flow=rng.uniform(3, 22)), lambda: self.pump(flow=rng.uniform(38, 60)),
            lambda: self.oven(off=rng.choice((-1, 1)) * rng.randrange(7, 30)),
            lambda: self.belt(load=rng.choice((rng.randrange(5, 25), rng.randrange(60, 99)))),
            lambda: self.unit(rejects=rng.randrange(8, 60)),
            lambda: self.doors(number=rng.randrange(5, 9))))()

    def relation(self):
        """Numbers that are normal by themselves, but not together."""
        rng = self.rng
        flow = rng.choice((rng.uniform(29.5, 29.9), rng.uniform(32.0, 32.4)))
        return self.stamp() + " " + self.pump(flow=flow, bar=2.5 if flow < 31 else 2.1)

    def fault(self):
        """A message that the machine never wrote before."""
        text = self.rng.choice(FAULTS)
        return self.stamp() + " " + text.format(unit=self.rng.choice(UNITS),
                                                zone=self.rng.randrange(1, 5),
                                                block=self.rng.randrange(1 << 16))

    def corrupt(self):
        """A line damaged on its way: characters lost, doubled or changed."""
        line = list(self.normal())
        for _ in range(self.rng.randrange(1, 4)):
            i = self.rng.randrange(9, len(line))
            line[i] = self.rng.choice(("", line[i] * 2, chr(self.rng.randrange(33, 127))))
        return "".join(line)

    def cut(self):
        """A line that ends too early, or goes on with the end of another one."""
        line = self.normal()
        tail = self.rng.choice(("", self.normal()[9 + self.rng.randrange(2, 9):]))
        return line[:self.rng.randrange(12, len(line) - 3)] + tail

    def order(self):
        """Two words that changed places."""
        words = self.normal().split(" ")
        i = self.rng.randrange(1, len(words) - 1)
        words[i], words[i + 1] = words[i + 1], words[i]
        return " ".join(words)


def lines(kind, n, seed):
    """n pairs (label, line)."""
    rng = random.Random(seed)
    line = Line(rng)
    anomalies = (line.value, line.relation, line.fault, line.corrupt, line.cut, line.order)
    for _ in range(n):
        if kind == "mixed" and rng.randrange(8) == 0:
            wrong = rng.choice(anomalies)
            yield wrong.__name__, wrong()
        else:
            yield "-", line.normal()


def main(kind, n, seed):
    for label, line in lines(kind, int(n), int(seed)):
        print(f"{label}\t{line}" if kind == "mixed" else line)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("normal", "mixed"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
