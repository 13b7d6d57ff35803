"""Runs nautilus_trader's backtest engine on the cases of nautilus-bars.toml and writes what it makes of
them.

    pip install nautilus_trader==1.231.0
    python tests/peers/nautilus_bars.py
"""

import math
from decimal import Decimal

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType, TrailingOffsetType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from cases import Expected, bars, rules, sessions

MANIFEST = "nautilus-bars.toml"
PACKAGES = ["nautilus_trader", "numpy", "pandas"]
DAY = 86_400 * 10**9
VENUE = Venue("BARS")


def instrument():
    """Something with two decimals and whole units, so that prices and sizes are exact."""
    return Equity(
        instrument_id=InstrumentId(Symbol("CASE"), VENUE), raw_symbol=Symbol("CASE"), currency=USD,
        price_precision=2, price_increment=Price.from_str("0.01"), lot_size=Quantity.from_int(1),
        ts_event=0, ts_init=0,
    )


class Rules(Strategy):
    """The rules of a session, read at every close: exits before entries."""

    def __init__(self, table, known, bar_type, traded):
        super().__init__()
        self.table, self.known, self.bar_type, self.traded = table, known, bar_type, traded
        self.bar, self.held, self.fills = -1, 0, []

    def on_start(self):
        self.subscribe_bars(self.bar_type)

    def value(self, rule):
        values = self.known.get(rule)
        value = None if values is None else values[self.bar]
        return None if value is None or math.isnan(value) else value

    def price(self, rule):
        value = self.value(rule)
        return None if value is None else self.traded.make_price(value)

    def on_bar(self, bar):
        self.bar += 1
        buys, shorts = bool(self.value("enter_long")), bool(self.value("enter_short"))
        side = buys - shorts
        of = self.held or self.waits()
        leaves = bool(of) and bool(self.value("exit_long" if of > 0 else "exit_short"))
        if leaves or side * of < 0 or side and not self.held:
            self.cancel_all_orders(self.traded.id)
            self.close_all_positions(self.traded.id)
        if side and (leaves or side * self.held <= 0):
            self.enter(side)

    def waits(self):
        """The side of an entry that rests, 0 if none does."""
        orders = self.cache.orders_open(instrument_id=self.traded.id)
        sides = [1 if order.side == OrderSide.BUY else -1 for order in orders if not order.is_reduce_only]
        return sides[0] if sides else 0

    def enter(self, side):
        order_side = OrderSide.BUY if side > 0 else OrderSide.SELL
        size = self.traded.make_qty(self.table["sizing"]["units"])
        limit, trigger = self.price("limit"), self.price("trigger")
        stop, target = self.price("stop"), self.price("target")
        if stop and target:
            kind = OrderType.LIMIT if limit else OrderType.MARKET
            # What rests for the profit may take liquidity when a bar opens beyond it.
            entry = dict(entry_order_type=kind, entry_price=limit, tp_post_only=False)
            self.submit_order_list(self.order_factory.bracket(
                self.traded.id, order_side, size, sl_trigger_price=stop, tp_price=target, **entry))
        elif trigger and limit:
            order = self.order_factory.stop_limit(self.traded.id, order_side, size, limit, trigger)
            self.submit_order(order)
        elif trigger:
            self.submit_order(self.order_factory.stop_market(self.traded.id, order_side, size, trigger))
        elif limit:
            self.submit_order(self.order_factory.limit(self.traded.id, order_side, size, limit))
        else:
            self.submit_order(self.order_factory.market(self.traded.id, order_side, size))

    def on_order_filled(self, event):
        sign = 1 if event.order_side == OrderSide.BUY else -1
        self.fills.append((self.bar_of[event.ts_event], sign * float(event.last_qty), float(event.last_px)))
        opened = self.held == 0
        self.held += sign * float(event.last_qty)
        fraction = self.table.get("risk", {}).get("trailing_stop")
        if opened and fraction:
            side = OrderSide.SELL if self.held > 0 else OrderSide.BUY
            self.submit_order(self.order_factory.trailing_stop_market(
                self.traded.id, side, event.last_qty, trailing_offset=Decimal(str(fraction * 10_000)),
                trailing_offset_type=TrailingOffsetType.BASIS_POINTS, reduce_only=True))


def run(name, table, symbol):
    times, columns = bars(table, symbol)
    known, _ = rules(name, table, columns)
    traded = instrument()
    bar_type = BarType.from_str(f"{traded.id}-1-DAY-LAST-EXTERNAL")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="OFF")))
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(table["capital"], USD)], USD,
        default_leverage=Decimal(10), bar_execution=True,
        bar_adaptive_high_low_ordering=table["execution"].get("intrabar") == "adaptive",
    )
    engine.add_instrument(traded)
    prices = zip(*(columns[name] for name in ("open", "high", "low", "close")))
    closes = [pd.Timestamp(time).value + DAY for time in times]
    engine.add_data([
        Bar(bar_type, *(Price(price, 2) for price in row), Quantity.from_int(1000), close, close)
        for row, close in zip(prices, closes)
    ])
    strategy = Rules(table, known, bar_type, traded)
    strategy.bar_of = {close: bar for bar, close in enumerate(closes)}
    engine.add_strategy(strategy)
    engine.run()
    fills = strategy.fills
    engine.dispose()
    return fills, columns["close"]


def trades(fills):
    """What fills that open and close a position add up to."""
    entry = None
    for bar, units, price in fills:
        if entry is None:
            entry = bar, units, price
            continue
        opened, held, paid = entry
        assert held == -units, "a position is opened and closed whole"
        yield held, opened, paid, bar, price, held * (price - paid)
        entry = None
    if entry is not None:
        opened, held, paid = entry
        yield held, opened, paid, None, None, None


def main():
    for name, table in sessions(MANIFEST):
        expected = Expected(MANIFEST, name, PACKAGES, [table["data"]["path"]])
        for symbol in table["symbols"]:
            fills, closes = run(name, table, symbol)
            for units, *rest in trades(fills):
                expected.trade(symbol, "long" if units > 0 else "short", abs(units), *rest)
            equity = []
            for bar, close in enumerate(closes):
                done = [(units, price) for at, units, price in fills if at <= bar]
                equity.append(table["capital"] + sum(units * (close - price) for units, price in done))
            expected.equity(symbol, equity)
        expected.write()


if __name__ == "__main__":
    main()
