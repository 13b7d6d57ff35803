"""Runs backtesting.py on the cases of backtesting-py.toml and writes what it makes of them.

    pip install backtesting==0.6.6
    python tests/peers/backtesting_py.py
"""

import math
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from cases import Expected, bars, rules, sessions

MANIFEST = "backtesting-py.toml"
PACKAGES = ["backtesting", "numpy", "pandas"]


# The package's own size of an order that names none.
ALL = 1 - np.finfo(float).eps


class Rules(Strategy):
    """The rules of a session, read at every close: exits before entries."""

    table = rules = used = None

    def init(self):
        # The package waits until every indicator that it knows of has a value.
        self.indicators = [self.I(lambda values=values: np.array(values)) for values in self.used]

    def value(self, rule):
        """What a rule says at this close; None if the session has no such rule."""
        values = self.rules.get(rule)
        value = None if values is None else values[len(self.data) - 1]
        return None if value is None or math.isnan(value) else value

    def next(self):
        self.trail()
        held = (self.position.size > 0) - (self.position.size < 0)
        for side, exit_ in ((1, "exit_long"), (-1, "exit_short")):
            if self.value(exit_):
                self.cancel(side)
                if held == side:
                    self.position.close()
                    held = 0
        buys, shorts = bool(self.value("enter_long")), bool(self.value("enter_short"))
        if buys == shorts:
            return
        side = 1 if buys else -1
        sizing = self.table.get("sizing", {})
        if held == side and len(self.trades) >= sizing.get("max_entries", 1):
            return
        self.cancel(side)
        self.cancel(-side)
        if held == -side and sizing.get("max_entries", 1) > 1:
            # An exclusive order does that by itself.
            self.position.close()
        stop, target = self.value("stop"), self.value("target")
        risk, close = self.table.get("risk", {}), self.data.Close[-1]
        if "stop_loss" in risk:
            stop = close * (1 - side * risk["stop_loss"])
        if "take_profit" in risk:
            target = close * (1 + side * risk["take_profit"])
        fraction = sizing.get("equity", 1)
        size = sizing.get("units") or (ALL if fraction == 1 else fraction)
        enter = self.buy if side > 0 else self.sell
        enter(size=size, limit=self.value("limit"), stop=self.value("trigger"), sl=stop, tp=target)

    def cancel(self, side):
        """Take back the entry orders of one side that rest."""
        for order in list(self.orders):
            if order.parent_trade is None and order.size * side > 0:
                order.cancel()

    def trail(self):
        """The package's own way to trail (lib.TrailingStrategy): from every close, from the entry's on."""
        fraction = self.table.get("risk", {}).get("trailing_stop")
        for trade in self.trades if fraction else ():
            level = self.data.Close[-1] * (1 - math.copysign(fraction, trade.size))
            if trade.is_long:
                trade.sl = max(trade.sl or -math.inf, level)
            else:
                trade.sl = min(trade.sl or math.inf, level)


def settings(table):
    """The keys of a session as arguments of a Backtest."""
    costs, execution = table.get("costs", {}), table["execution"]
    commission = costs.get("commission", {})
    return dict(
        cash=table["capital"],
        commission=(commission.get("per_order", 0), commission.get("rate", 0)),
        spread=costs.get("spread", 0),
        margin=1 / execution.get("leverage", 1),
        trade_on_close=execution.get("fill") == "close",
        exclusive_orders=table.get("sizing", {}).get("max_entries", 1) == 1,
        finalize_trades=execution.get("at_end") == "close_at_last_open",
    )


def run(name, table, symbol):
    times, columns = bars(table, symbol)
    known, used = rules(name, table, columns)
    frame = pd.DataFrame(columns, index=pd.to_datetime(times))
    frame.columns = [column.capitalize() for column in frame.columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strategy = type("Session", (Rules,), {"table": table, "rules": known, "used": used})
        return Backtest(frame, strategy, **settings(table)).run()


def main():
    for name, table in sessions(MANIFEST):
        expected = Expected(MANIFEST, name, PACKAGES, [table["data"]["path"]])
        for symbol in table["symbols"]:
            stats = run(name, table, symbol)
            for trade in stats["_trades"].itertuples():
                side = "long" if trade.Size > 0 else "short"
                entry, exit_ = (trade.EntryBar, trade.EntryPrice), (trade.ExitBar, trade.ExitPrice)
                expected.trade(symbol, side, abs(trade.Size), *entry, *exit_, trade.PnL)
            for trade in stats["_strategy"].trades:
                side = "long" if trade.size > 0 else "short"
                entry = (trade.entry_bar, trade.entry_price)
                expected.trade(symbol, side, abs(trade.size), *entry, None, None, None)
            expected.equity(symbol, stats["_equity_curve"]["Equity"].tolist())
        expected.write()


if __name__ == "__main__":
    main()
