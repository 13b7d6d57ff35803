#!/usr/bin/env python3
"""The strategies of users.toml, written in numpy: when each of them enters.

    python3 -m venv target/users
    target/users/bin/pip install numpy==2.4.6
    target/users/bin/python tests/users/users.py

It writes entries.csv, which tests/users.rs compares with what papertape does, and scores.csv, a file of
prices with two columns that were computed elsewhere. Nothing here knows papertape: a rule is an array of
truth values, an order of one close is filled at the next open, and a bar of a longer timeframe is known
when it is over by the clock.
"""

import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
UTC = timezone.utc


class Bars:
    """The bars of one symbol, between two days of its zone."""

    def __init__(self, path, length, zone="UTC", symbol=None, to=None):
        with open(ROOT / path, newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if symbol in (None, row.get("symbol"))]
        zone = ZoneInfo(zone)
        opens = []
        for row in rows:
            time = datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00"))
            opens.append(time if time.tzinfo else time.replace(tzinfo=zone))
        self.symbol = symbol or Path(path).stem
        self.local = [time.astimezone(zone) for time in opens]
        last = len(rows) if to is None else sum(time.date().isoformat() <= to for time in self.local)
        self.local = self.local[:last]
        self.utc = [time.astimezone(UTC) for time in opens[:last]]
        # A day ends at its own midnight, however long it was.
        if length == timedelta(days=1):
            ends = [(time + length).astimezone(UTC) for time in self.local]
        else:
            ends = [time + length for time in self.utc]
        self.end = np.array([time.timestamp() for time in ends])
        number = lambda text: float(text) if text else np.nan
        for name in rows[0].keys() - {"timestamp", "symbol", "is_quiet"}:
            setattr(self, name, np.array([number(row[name]) for row in rows[:last]]))
        if "is_quiet" in rows[0]:
            self.is_quiet = np.array([row["is_quiet"] == "true" for row in rows])
        self.month = np.array([time.month for time in self.local])
        self.day = np.array([time.day for time in self.local])
        self.weekday = np.array([time.isoweekday() for time in self.local])
        self.hour = np.array([time.hour for time in self.local])
        self.minute = np.array([time.minute for time in self.local])

    def __len__(self):
        return len(self.utc)


def lag(x, n=1):
    return np.concatenate([np.full(n, np.nan), x[:-n]])


def window(x, n, of):
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        out[n - 1 :] = of(sliding_window_view(x, n), axis=1)
    return out


def sma(x, n):
    return window(x, n, np.mean)


def highest(x, n):
    return window(x, n, np.max)


def lowest(x, n):
    return window(x, n, np.min)


def stddev(x, n):
    return window(x, n, np.std)


def roc(x, n):
    return 100 * (x / lag(x, n) - 1)


def above(a, b):
    """a comes to lie above b"""
    return (lag(a) < lag(b)) & (a > b)


def ewm(x, span):
    out = np.array(x, dtype=float)
    for t in range(1, len(x)):
        out[t] = out[t - 1] + 2 / (span + 1) * (x[t] - out[t - 1])
    return out


def ema(x, n):
    out = np.full(len(x), np.nan)
    out[n - 1] = x[:n].mean()
    for t in range(n, len(x)):
        out[t] = out[t - 1] + 2 / (n + 1) * (x[t] - out[t - 1])
    return out


def rsi(x, n):
    moves = np.diff(x)
    out = np.full(len(x), np.nan)
    up, down = np.maximum(moves, 0)[:n].mean(), np.maximum(-moves, 0)[:n].mean()
    for t in range(n, len(x)):
        if t > n:
            up = (up * (n - 1) + max(moves[t - 1], 0)) / n
            down = (down * (n - 1) + max(-moves[t - 1], 0)) / n
        if up + down > 0:
            out[t] = 100 * up / (up + down)
    return out


def rank_pct(x, n):
    def of(windows, axis):
        last = windows[:, -1:]
        below, equal = (windows < last).sum(axis), (windows == last).sum(axis)
        ranks = (below + (equal + 1) / 2) / windows.shape[1]
        return np.where(np.isnan(windows).any(axis), np.nan, ranks)

    return window(x, n, of)


def slope(x, n):
    line = np.arange(n) - (n - 1) / 2
    return window(x, n, lambda windows, axis: (windows * line).sum(axis) / (line**2).sum())


def longer(bars, cell):
    """The last row, highs, lows and ends of the cells that `cell` gives for local times."""
    cells = [cell(time) for time in bars.local]
    last = [t for t in range(len(bars)) if t + 1 == len(bars) or cells[t + 1] != cells[t]]
    ends = np.array([cells[t][1].astimezone(UTC).timestamp() for t in last])
    return bars.close[last], ends


def week(time):
    start = datetime(time.year, time.month, time.day, tzinfo=time.tzinfo)
    start -= timedelta(days=time.weekday())
    return start, start + timedelta(days=7)


def day(time):
    start = datetime(time.year, time.month, time.day, tzinfo=time.tzinfo)
    return start, start + timedelta(days=1)


def four_hours(time):
    start = datetime(time.year, time.month, time.day, time.hour // 4 * 4, tzinfo=time.tzinfo)
    return start, start + timedelta(hours=4)


def known(values, theirs, ours):
    """The last of `values`, known at `theirs`, at each of `ours`."""
    row = np.searchsorted(theirs, ours, side="right") - 1
    values = np.asarray(values, dtype=float)
    return np.where(row >= 0, values[np.maximum(row, 0)], np.nan)


def entries(bars, enter, leave, enter_short=None, leave_short=None, first=0):
    """Walk over the bars: exits before entries, an entry against a position turns it, both entries at
    once do nothing; what a close decides happens at the next open."""
    none = np.zeros(len(bars), dtype=bool)
    enter_short = none if enter_short is None else enter_short
    leave_short = none if leave_short is None else leave_short
    held, found = 0, []
    for t in range(first, len(bars) - 1):
        wants = int(enter[t]) - int(enter_short[t])
        leaves = leave[t] if held > 0 else leave_short[t] if held < 0 else False
        if leaves:
            held = 0
        if wants and wants != held:
            held = wants
            side = "long" if held > 0 else "short"
            found.append((bars.symbol, side, bars.utc[t + 1]))
    return found


def equity(symbol, **range_):
    path = "data/us-equities-daily.csv"
    return Bars(path, timedelta(days=1), "America/New_York", symbol, **range_)


def btc(**range_):
    return Bars("data/btcusdt-daily.csv", timedelta(days=1), **range_)


def eurusd(zone="UTC"):
    return Bars("data/eurusd-1h.csv", timedelta(hours=1), zone)


def since(bars, date):
    return sum(time.date().isoformat() < date for time in bars.local)


def channel_week():
    b = btc()
    close, end = longer(b, week)
    trend = known(close > sma(close, 10), end, b.end)
    # Ten weeks must have passed before the trend is known.
    trend = np.where(np.isnan(known(sma(close, 10), end, b.end)), 0, trend) == 1
    enter = (b.close > lag(highest(b.high, 20))) & trend
    return entries(b, enter, b.close < lag(lowest(b.low, 10)))


def channel_day():
    b = eurusd()
    close, end = longer(b, day)
    change = known(close - lag(close, 5), end, b.end)
    up = (b.close > lag(highest(b.high, 24))) & (change > 0)
    down = (b.close < lag(lowest(b.low, 24))) & (change < 0)
    out, back = b.close < lag(lowest(b.low, 12)), b.close > lag(highest(b.high, 12))
    return entries(b, up, out, down, back)


def pair_legs():
    y, x = equity("IBM"), equity("MSFT")
    assert y.utc == x.utc
    ratio = np.log(y.close / x.close)
    z = (ratio - sma(ratio, 60)) / stddev(ratio, 60)
    first = since(y, "2003-03-01")
    low, high = z < -2, z > 2
    return entries(y, low, z > 0, high, z < 0, first) + entries(x, high, z < 0, low, z > 0, first)


def pair_one():
    b, other = equity("GOOG"), equity("AAPL")
    theirs = known(roc(other.close, 20), other.end, b.end)
    own = roc(b.close, 20)
    return entries(b, own < theirs - 10, own > theirs)


def ranks(all_bars, values):
    """The place of each symbol's value among those that have one on a bar with the same end."""
    at = [dict(zip(b.end, v)) for b, v in zip(all_bars, values)]
    places = []
    for bars, own in zip(all_bars, values):
        place = np.full(len(bars), np.nan)
        for t, (end, value) in enumerate(zip(bars.end, own)):
            others = [v for v in (known_at.get(end, np.nan) for known_at in at) if v == v]
            if value == value:
                equal = others.count(value)
                place[t] = 1 + sum(v > value for v in others) + (equal - 1) / 2
        places.append(place)
    return places


FIVE = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]


def rotation_rules():
    bars = [equity(symbol) for symbol in FIVE]
    found = []
    for b, place in zip(bars, ranks(bars, [roc(b.close, 60) for b in bars])):
        is_new = np.concatenate([[False], np.diff(b.month) != 0])
        found += entries(b, is_new & (place <= 2), is_new & (place > 2))
    return found


def rotation_weights():
    bars = [equity(symbol) for symbol in FIVE]
    places = ranks(bars, [b.close / lag(b.close, 120) for b in bars])
    weights = [np.where(np.isnan(p), np.nan, np.where(p <= 2, 0.5, 0)) for p in places]
    times = sorted({time for b in bars for time in b.utc if time.year >= 2006})
    rows = [{time: t for t, time in enumerate(b.utc)} for b in bars]
    cash, units, mark = 10_000.0, [0.0] * 5, [np.nan] * 5
    began, month, found = [False] * 5, [None] * 5, []
    for time in times:
        now = [row.get(time) for row in rows]
        price = [b.open[t] if t is not None else m for b, t, m in zip(bars, now, mark)]
        worth = cash + sum(u * p for u, p in zip(units, price) if u)
        orders = []
        for k, t in enumerate(now):
            if t is None or t == 0:
                continue
            weight = weights[k][t - 1]
            # At the first bar of a month, and as soon as there is a weight.
            is_due = bars[k].month[t] != month[k] if began[k] else weight == weight
            # The weight of the bar before the range is not the range's.
            if bars[k].utc[t - 1].year < 2006:
                is_due = False
            if is_due and weight == weight:
                began[k] = True
                orders.append((k, weight * worth / price[k] - units[k]))
        for is_sale in (True, False):
            for k, change in orders:
                if (change < 0) != is_sale or abs(change * price[k]) <= 1e-9 * worth:
                    continue
                change = min(change, cash / price[k])
                cash -= change * price[k]
                units[k] += change
                if abs(units[k]) * price[k] < 1e-9 * worth:
                    units[k] = 0.0
                if not is_sale:
                    found.append((bars[k].symbol, "long", time))
        for k, t in enumerate(now):
            if t is not None:
                mark[k], month[k] = bars[k].close[t], bars[k].month[t]
    return found


def turn_of_month():
    b = equity("IBM")
    return entries(b, b.day >= 27, (b.day >= 4) & (b.day < 27))


def weekday():
    b = btc()
    return entries(b, (b.weekday == 5) & (b.month != 9), b.weekday == 1)


def london_hours():
    b = eurusd("Europe/London")
    is_day = (b.weekday >= 2) & (b.weekday <= 4)
    return entries(b, (b.hour == 8) & is_day & (b.close > b.open), b.hour >= 16)


def model_score():
    b = Bars("tests/users/scores.csv", timedelta(days=1))
    return entries(b, b.score > 0.6, b.score < 0.4)


def model_flag():
    b = Bars("tests/users/scores.csv", timedelta(days=1))
    return entries(b, b.is_quiet & (b.score > lag(b.score)), ~b.is_quiet)


def rsi_two():
    b = equity("MSFT")
    enter = (b.close > sma(b.close, 200)) & (rsi(b.close, 2) < 10)
    return entries(b, enter, b.close > sma(b.close, 5))


def macd_turn():
    b = btc()
    fast = ewm(b.close, 12) - ewm(b.close, 26)
    slow = ewm(fast, 9)
    none = np.zeros(len(b), dtype=bool)
    return entries(b, above(fast, slow), none, above(slow, fast), none)


def bands():
    b = eurusd()
    mean = sma(b.close, 48)
    return entries(b, b.close < mean - 2 * stddev(b.close, 48), b.close >= mean)


def vwap_cross():
    b = Bars("data/spy-1m.csv", timedelta(minutes=1), "America/New_York")
    money = (b.high + b.low + b.close) / 3 * b.volume
    vwap = np.empty(len(b))
    for date in {time.date() for time in b.local}:
        rows = np.array([time.date() == date for time in b.local])
        vwap[rows] = np.cumsum(money[rows]) / np.cumsum(b.volume[rows])
    enter = (b.hour >= 10) & above(b.close, vwap)
    return entries(b, enter, above(vwap, b.close) | (b.hour == 15) & (b.minute >= 50))


def three_down():
    found = []
    for symbol in ("AAPL", "IBM"):
        b = equity(symbol)
        down = b.close < lag(b.close)
        three = down & np.roll(down, 1) & np.roll(down, 2)
        # A bar counts only where it has a bar before it.
        three[:3] = False
        ago, last = np.full(len(b), np.nan), None
        for t in range(len(b)):
            last = t if down[t] else last
            ago[t] = np.nan if last is None else t - last
        found += entries(b, three, ago >= 2)
    return found


def volume_spike():
    b = equity("GOOG")
    first = lambda windows, axis: windows.shape[1] - 1 - np.argmax(windows[:, ::-1], axis)
    ago = 9 - window(b.high, 10, first)
    enter = (b.volume > 2 * sma(b.volume, 20)) & (b.close > b.open)
    return entries(b, enter, ago == 9)


def quiet_market():
    b = btc(to="2020-06-30")
    rank = rank_pct(stddev(np.log(b.close / lag(b.close)), 20), 120)
    return entries(b, rank < 0.3, rank > 0.7, first=since(b, "2018-06-01"))


def slope_four_hours():
    b = eurusd()
    close, end = longer(b, four_hours)
    trend = known(slope(close, 12), end, b.end)
    return entries(b, (trend > 0) & (b.close < ema(b.close, 8)), trend < 0)


def year_high():
    b = equity("IBM")
    spread = np.maximum(b.high, lag(b.close)) - np.minimum(b.low, lag(b.close))
    leave = b.close < highest(b.close, 22) - 3 * sma(spread, 22)
    return entries(b, b.high == highest(b.high, 252), leave)


STRATEGIES = [
    channel_week, channel_day, pair_legs, pair_one, rotation_rules, rotation_weights, turn_of_month,
    weekday, london_hours, model_score, model_flag, rsi_two, macd_turn, bands, vwap_cross, three_down,
    volume_spike, quiet_market, slope_four_hours, year_high,
]


def write_scores():
    """Daily bars with what a model may have said of them: a score with gaps, and a flag."""
    b = btc()
    with open(ROOT / "data/btcusdt-daily.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))[:400]
    random = np.random.default_rng(4)
    score = np.clip(0.5 + np.cumsum(random.normal(0, 0.06, 400)) % 1 - 0.5, 0, 1)
    spread = stddev(b.close / lag(b.close), 10)[:400]
    with open(HERE / "scores.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*rows[0], "score", "is_quiet"])
        for t, row in enumerate(rows):
            said = "" if random.random() < 0.1 else f"{score[t]:.4f}"
            writer.writerow([*row.values(), said, "true" if spread[t] < 0.04 else "false"])


def main():
    write_scores()
    with np.errstate(invalid="ignore", divide="ignore"):
        with open(HERE / "entries.csv", "w") as file:
            file.write(f"# tests/users/users.py, numpy {np.__version__}\n")
            for strategy in STRATEGIES:
                name = strategy.__name__.replace("_", "-")
                for symbol, side, time in sorted(strategy(), key=lambda row: (row[2], row[0])):
                    file.write(f"{name},{symbol},{side},{time:%Y-%m-%dT%H:%M:%SZ}\n")


if __name__ == "__main__":
    main()
