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
        size_granularity=1 if execution.get("units") == "integer" else np.nan,
        freq="1D",
        **size,
    )


def run(name, table, symbol):
    times, columns = bars(table, symbol)
    known, _ = rules(name, table, columns)
    frame = pd.DataFrame(columns, index=pd.to_datetime(times))
    never = [False] * len(frame)
    signals = pd.DataFrame(
        {
            "entries": known["enter_long"],
            "exits": known.get("exit_long", never),
            "short_entries": known.get("enter_short", never),
            "short_exits": known.get("exit_short", never),
        },
        index=frame.index,
    )
    price = np.inf
    if table["execution"].get("fill") == "next_open":
        # The package fills on the signal's own bar: a signal acts on the next one if it stands there.
        signals, price = signals.shift(1, fill_value=False), frame.open
    return vbt.Portfolio.from_signals(
        frame.close, open=frame.open, high=frame.high, low=frame.low, price=price,
        **{rule: signals[rule] for rule in signals}, **settings(table),
    )


def main():
    for name, table in sessions(MANIFEST):
        expected = Expected(MANIFEST, name, PACKAGES, [table["data"]["path"]])
        for symbol in table["symbols"]:
            portfolio = run(name, table, symbol)
            for trade in portfolio.trades.records.itertuples():
                side, closed = ("long", "short")[trade.direction], trade.status == 1
                entry = (trade.entry_idx, trade.entry_price)
                exit_ = (trade.exit_idx, trade.exit_price, trade.pnl) if closed else (None, None, None)
                expected.trade(symbol, side, trade.size, *entry, *exit_)
            expected.equity(symbol, portfolio.value().tolist())
        expected.write()


if __name__ == "__main__":
    main()
