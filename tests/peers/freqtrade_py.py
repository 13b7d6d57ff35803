"""Runs freqtrade's backtesting on the cases of freqtrade.toml and writes what it makes of them.

    pip install --prefer-binary freqtrade==2025.11
    python tests/peers/freqtrade_py.py

An exchange is only asked for precisions and limits here: a stand-in answers, and no socket is opened.
"""

import math
import tempfile
from pathlib import Path
from unittest.mock import MagicMock

import pandas as pd
from freqtrade.enums import CandleType, MarginMode, RunMode, TradingMode
from freqtrade.optimize.backtesting import Backtesting

from cases import Expected, bars, rules, sessions

MANIFEST = "freqtrade.toml"
PACKAGES = ["freqtrade", "numpy", "pandas"]
PAIR = "CASE/USD"
TICK_SIZE = 4
# A bar's minutes.
MINUTES = 24 * 60
STRATEGY = """
from freqtrade.strategy import IStrategy

class Session(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1d"
    can_short = True
    process_only_new_candles = True
    def populate_indicators(self, dataframe, metadata): return dataframe
    def populate_entry_trend(self, dataframe, metadata): return dataframe
    def populate_exit_trend(self, dataframe, metadata): return dataframe
"""


def stand_in():
    exchange = MagicMock()
    exchange.precisionMode = exchange.precision_mode_price = TICK_SIZE
    exchange.get_precision_amount.return_value = exchange.get_precision_price.return_value = None
    exchange.get_contract_size.return_value = 1
    exchange.get_max_leverage.return_value = 1.0
    exchange.get_min_pair_stake_amount.return_value = 0.0
    exchange.get_max_pair_stake_amount.return_value = math.inf
    exchange.get_pair_base_currency.return_value = "CASE"
    exchange.get_proxy_coin.return_value = "USD"
    exchange.calculate_funding_fees.return_value = 0.0
    exchange.get_liquidation_price.return_value = None
    exchange.name = "binance"
    exchange.markets = {PAIR: {"active": True}}
    exchange.get_pair_quote_currency.return_value = "USD"
    return exchange


def minutes(after):
    """A number of bars, or of days as in "10d"."""
    return int(str(after).removesuffix("d")) * MINUTES


def fee(table):
    return table.get("costs", {}).get("commission", {}).get("rate", 0.0)


def configuration(table, directory):
    risk = table.get("risk", {})
    return {
        "strategy": "Session",
        "strategy_path": directory,
        "user_data_dir": Path(directory),
        "datadir": Path(directory),
        "timeframe": "1d",
        "runmode": RunMode.BACKTEST,
        "dry_run": True,
        "dry_run_wallet": table["capital"],
        "stake_currency": "USD",
        "stake_amount": "unlimited",
        "max_open_trades": 1,
        "tradable_balance_ratio": 1.0,
        "fee": fee(table),
        "trading_mode": TradingMode.FUTURES,
        "margin_mode": MarginMode.ISOLATED,
        "candle_type_def": CandleType.FUTURES,
        "exchange": {"name": "binance", "pair_whitelist": [PAIR], "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {},
        "exit_pricing": {},
        "liquidation_buffer": 0.0,
        # An entry rests until it is filled.
        "unfilledtimeout": {"entry": 10**6, "exit": 10**6, "unit": "minutes", "exit_timeout_count": 0},
        "minimal_roi": {
            "0": risk.get("take_profit", 100.0),
            **{str(minutes(step["after"])): step["gain"] for step in risk.get("take_profit_after", [])},
        },
        "stoploss": -risk.get("stop_loss", risk.get("trailing_stop", 0.99)),
        "trailing_stop": "trailing_stop" in risk,
        "use_exit_signal": True,
    }


def run(name, table, symbol):
    times, columns = bars(table, symbol)
    known, _ = rules(name, table, columns)
    frame = pd.DataFrame({name: columns[name] for name in ("open", "high", "low", "close", "volume")})
    frame.insert(0, "date", pd.to_datetime(times, utc=True))
    for rule in ("enter_long", "exit_long", "enter_short", "exit_short"):
        frame[rule] = [int(value) for value in known.get(rule, [False] * len(frame))]
    frame["enter_tag"] = frame["exit_tag"] = None
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "session.py").write_text(STRATEGY)
        exchange = stand_in()
        backtesting = Backtesting(configuration(table, directory), exchange)
        strategy = backtesting.strategylist[0]
        units = table["sizing"]["units"]
        strategy.custom_stake_amount = lambda current_rate, **_: units * current_rate
        strategy.leverage = lambda **_: 1.0
        limits = known.get("limit")
        if limits:
            dates = list(frame["date"])
            strategy.custom_entry_price = lambda current_time, **_: limits[dates.index(current_time) - 1]
        backtesting.futures_data = {PAIR: frame.iloc[:0]}
        backtesting.funding_fee_timeframe_secs = 8 * 60 * 60
        backtesting._set_strategy(strategy)
        made = backtesting.backtest({PAIR: frame.copy()}, frame["date"].iloc[0], frame["date"].iloc[-1])
    return list(frame["date"]), columns["close"], made["results"]


def main():
    for name, table in sessions(MANIFEST):
        expected = Expected(MANIFEST, name, PACKAGES, [table["data"]["path"]])
        for symbol in table["symbols"]:
            dates, closes, trades = run(name, table, symbol)
            equity = [float(table["capital"])] * len(dates)
            for trade in trades.itertuples():
                sign = -1 if trade.is_short else 1
                # The package dates a trade by its order, which may have waited.
                filled = pd.Timestamp(trade.orders[0]["order_filled_timestamp"], unit="ms", tz="UTC")
                entry, exit_ = dates.index(filled), dates.index(trade.close_date)
                expected.trade(
                    symbol, "short" if trade.is_short else "long", trade.amount, entry, trade.open_rate,
                    exit_, trade.close_rate, trade.profit_abs,
                )
                # The package values an account by its closed trades: open ones are marked here.
                paid = trade.amount * trade.open_rate * fee(table)
                for bar in range(entry, len(dates)):
                    open_ = sign * trade.amount * (closes[bar] - trade.open_rate) - paid
                    equity[bar] += open_ if bar < exit_ else trade.profit_abs
            expected.equity(symbol, equity)
        expected.write()


if __name__ == "__main__":
    main()
