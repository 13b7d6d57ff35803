"""Runs vectorbt's Portfolio.from_signals on the cases of vectorbt.toml and writes what it makes of them.

    pip install vectorbt==1.2.0
    python tests/peers/vectorbt_py.py
"""

import numpy as np
import pandas as pd
import vectorbt as vbt

from cases import Expected, bars, rules, sessions

MANIFEST = "vectorbt.toml"
PACKAGES = ["vectorbt", "numpy", "pandas", "numba"]


def settings(table):
    """The keys of a session as arguments of from_signals."""
    costs, risk = table.get("costs", {}), table.get("risk", {})
    commission, sizing = costs.get("commission", {}), table.get("sizing", {})
    execution = table["execution"]
    size = dict(size=np.inf)
    if "units" in sizing:
        size = dict(size=sizing["units"], size_type="amount")
    elif "cash" in sizing:
        size = dict(size=sizing["cash"], size_type="value")
    elif "equity" in sizing:
        size = dict(size=sizing["equity"], size_type="percent")
    return dict(
        init_cash=table["capital"],
        fees=commission.get("rate", 0.0),
        fixed_fees=commission.get("per_order", 0.0),
        slippage=costs.get("slippage", {}).get("bps", 0.0) / 10_000,
        sl_stop=risk.get("stop_loss", risk.get("trailing_stop", np.nan)),
        sl_trail="trailing_stop" in risk,
        tp_stop=risk.get("take_profit", np.nan),
        stop_entry_price="fillprice" if execution.get("stop_base") == "fill" else "close",
        stop_exit_price="stopmarket" if execution.get("slippage_on_stops") else "stoplimit",
        allow_partial=execution.get("short_of_cash") != "cancel",
        # An entry in the direction that is held adds to it; an exit closes all.
        accumulate="addonly" if sizing.get("max_entries", 1) > 1 else False,
        size_granularity=1 if execution.get("units") == "integer" else np.nan,
        freq="1D",
        **size,
    )


def run(name, table, symbols):
    """A portfolio over the bars of some symbols, which share its cash."""
    read = {symbol: bars(table, symbol) for symbol in symbols}
    index = pd.to_datetime(read[symbols[0]][0])

    def frame(of):
        return pd.DataFrame({symbol: of(read[symbol][1]) for symbol in symbols}, index=index)

    def signals(rule):
        never = [False] * len(index)
        return frame(lambda columns: rules(name, table, columns)[0].get(rule, never))

    signals = {
        "entries": signals("enter_long"),
        "exits": signals("exit_long"),
        "short_entries": signals("enter_short"),
        "short_exits": signals("exit_short"),
    }
    prices = {name: frame(lambda columns: columns[name]) for name in ("open", "high", "low")}
    price = np.inf
    if table["execution"].get("fill") == "next_open":
        # The package fills on the signal's own bar: a signal acts on the next one if it stands there.
        signals = {rule: flags.shift(1, fill_value=False) for rule, flags in signals.items()}
        price = prices["open"]
    shares = dict(cash_sharing=True, group_by=True) if len(symbols) > 1 else {}
    return vbt.Portfolio.from_signals(
        frame(lambda columns: columns["close"]), price=price, **prices, **signals,
        **settings(table), **shares,
    )


def main():
    for name, table in sessions(MANIFEST):
        expected = Expected(MANIFEST, name, PACKAGES, [table["data"]["path"]])
        for symbols in table["accounts"]:
            portfolio = run(name, table, symbols)
            # What is added to is told by its entries, each with its part of the exit.
            adds = table.get("sizing", {}).get("max_entries", 1) > 1
            trades = portfolio.entry_trades if adds else portfolio.trades
            for trade in trades.records.itertuples():
                side, closed = ("long", "short")[trade.direction], trade.status == 1
                entry = (trade.entry_idx, trade.entry_price)
                exit_ = (trade.exit_idx, trade.exit_price, trade.pnl) if closed else (None, None, None)
                expected.trade(symbols[trade.col], side, trade.size, *entry, *exit_)
            expected.equity("+".join(symbols), np.ravel(portfolio.value()).tolist())
        expected.write()


if __name__ == "__main__":
    main()
