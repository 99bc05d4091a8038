"""An independent price of parking: written from the definition at the head of src/domain/tariff.rs, with nothing but Python's own clock
arithmetic, one step after the other.

usage: oracle.py where                      prints the folder of the time zones that it reads
       oracle.py prices YEAR EVERY TARIFFS  prints prices, one JSON object to a line, then {"zones": how many}

Of every zone whose clocks are changed twice in YEAR, and for each of the two changes, every EVERY-th minute of the 48 hours around it is
priced in four ways: as the end of a span that begins 24 hours before, as the beginning of a span, as the arrival of a booking's car, and as
the end of a window that a car overstays. Times are told in minutes after "base".
"""
import datetime
import hashlib
import json
import os
import sys
import zoneinfo

MINUTE = 60
DAY = 24 * 60
UTC = datetime.timezone.utc
REGULAR = 1


def folder():
    """Where the zones are: the machine's, or those of the package tzdata."""
    for path in zoneinfo.TZPATH:
        if os.path.exists(os.path.join(path, "Europe", "Berlin")):
            return path
    import tzdata
    return os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo")


class Tariff:
    """The rules as the database keeps them, with the definition's defaults."""

    def __init__(self, rules):
        self.rules = rules
        self.step = rules["step_minutes"] * MINUTE
        self.told = {}

    def step_price(self, local):
        minute = local.hour * 60 + local.minute
        for rate in self.rules.get("rates", []):
            if rate.get("spot_type") not in (None, REGULAR):
                continue
            if rate.get("weekdays") and local.isoweekday() not in rate["weekdays"]:
                continue
            if rate["from_minute"] <= minute < rate["to_minute"]:
                return rate["step_minor"]
        return self.rules["step_minor"]

    def steps(self, zone, start, end):
        """(local date, price) of each begun step."""
        at, found = start, []
        while at < end or not found:
            found.append(self.told.get((zone.key, at)) or self.begun(zone, at))
            at += self.step
        return found

    def begun(self, zone, at):
        local = datetime.datetime.fromtimestamp(at, zone)
        self.told[zone.key, at] = local.date(), self.step_price(local)
        return self.told[zone.key, at]

    def capped_by_day(self, steps):
        days = {}
        for date, price in steps:
            days[date] = days.get(date, 0) + price
        cap = self.rules.get("daily_cap_minor")
        return sum(days.values()) if cap is None else sum(min(day, cap) for day in days.values())

    def span(self, zone, start, end, known=None):
        """`known` are the steps of a longer span with the same start."""
        free = self.rules.get("free_minutes", 0) * MINUTE
        if free and end <= start + free:
            return 0
        if known is None:
            steps = self.steps(zone, start + free, end)
        else:
            steps = known[: max(1, -(-(end - start - free) // self.step))]
        price = max(self.capped_by_day(steps), self.rules.get("minimum_minor", 0))
        cap = self.rules.get("stay_cap_minor")
        return price if cap is None else min(price, cap)

    def stay(self, zone, start, end, arrive, leave):
        first = max(arrive, start) if self.rules.get("early_arrival") == "free" else arrive
        stay = self.span(zone, first, max(first, min(leave, end)))
        window = self.span(zone, min(first, start), end)
        return {"stay": stay, "window": window, "larger": max(stay, window)}[self.rules.get("billed", "stay")]

    def overstay(self, zone, end, leave):
        if leave <= end:
            return 0
        steps = self.steps(zone, end, leave)
        price = self.rules.get("overstay_minor")
        return self.capped_by_day(steps) if price is None else len(steps) * price


def changes(zone, year):
    """The instants of a year at which the zone's offset changes."""
    offset = lambda at: datetime.datetime.fromtimestamp(at, zone).utcoffset()
    at = int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp())
    last = int(datetime.datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found, stride = [], 6 * 3600
    while at < last:
        low, high = at, at + stride
        if offset(low) != offset(high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) != offset(low) else (middle, high)
            found.append(high)
        at += stride
    return found


def zones(year, path):
    """Name, zone and two changes of every zone that has them; of zones that are the same file one name."""
    seen = set()
    for name in sorted(zoneinfo.available_timezones()):
        if not os.path.exists(os.path.join(path, name)):
            continue
        zone = zoneinfo.ZoneInfo(name)
        found = changes(zone, year)
        with open(os.path.join(path, name), "rb") as file:
            digest = hashlib.sha256(file.read()).digest()
        if len(found) >= 2 and digest not in seen:
            seen.add(digest)
            yield name, zone, found[:2]


def cases(tariff, zone, base, minutes):
    """For each way its cases: times in minutes after base, then the price."""
    at = lambda minute: base + minute * MINUTE
    free = tariff.rules.get("free_minutes", 0)
    known = tariff.steps(zone, at(free), at(2 * DAY))
    yield "span", [[0, m, tariff.span(zone, at(0), at(m), known)] for m in minutes if m > 0]
    yield "span", [[m, m + 187, tariff.span(zone, at(m), at(m + 187))] for m in minutes]
    stays = []
    for m in minutes:
        times = [m + 9, m + 200, m - m % 25 + 12, m - m % 25 + 12 + m % 230]
        stays.append(times + [tariff.stay(zone, *map(at, times))])
    yield "stay", stays
    yield "overstay", [[m, m + m % 170, tariff.overstay(zone, at(m), at(m + m % 170))] for m in minutes]


def main():
    path = folder()
    zoneinfo.reset_tzpath([path])
    if sys.argv[1] == "where":
        print(path)
        return
    year, every = int(sys.argv[2]), int(sys.argv[3])
    with open(sys.argv[4], encoding="utf-8") as file:
        tariffs = [Tariff(rules) for rules in json.load(file)]
    count = 0
    for count, (name, zone, found) in enumerate(zones(year, path), 1):
        for change in found:
            base = change - change % MINUTE - DAY * MINUTE
            minutes = range(count % every, 2 * DAY + 1, every)
            for number, tariff in enumerate(tariffs):
                tariff.told.clear()
                for kind, priced in cases(tariff, zone, base, minutes):
                    print(json.dumps({"zone": name, "tariff": number, "kind": kind, "base": base, "cases": priced}, separators=(",", ":")))
    print(json.dumps({"zones": count}))


main()
