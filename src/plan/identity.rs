//! What can change a session's result, hashed, in five components so that a difference has a name.

use crate::engine::ENGINE;
use crate::expr::Scalar;
use crate::manifest::{Benchmark, Mode, SCHEMA, Session};
use crate::strategy::Strategy;
use std::ops::Range;

/// A digest of everything that can change one component of a result.
pub type Digest = [u8; 32];

/// The identity of a session: equal for two sessions exactly if their results are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The compiled strategy.
    pub rules: Digest,
    /// Everything else that the manifest says and a result depends on.
    pub settings: Digest,
    /// The rows that rules and engine can see.
    pub data: Digest,
    /// [`ENGINE`].
    pub engine: u32,
    /// The version of the manifest's grammar.
    pub schema: u32,
}

impl Identity {
    /// The identity as one digest.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.rules, &self.settings, &self.data] {
            hasher.update(part);
        }
        hasher.update(&self.engine.to_le_bytes());
        hasher.update(&self.schema.to_le_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// The first `digits` hexadecimal digits of a digest.
pub fn hex(digest: &Digest, digits: usize) -> String {
    let mut text = blake3::Hash::from(*digest).to_hex().to_string();
    text.truncate(digits);
    text
}

/// The part of a session's settings that every point of its sweep has in common, ready to take the
/// parameters of each.
#[derive(Debug, Clone)]
pub struct SettingsHasher(blake3::Hasher);

impl SettingsHasher {
    /// Everything of `session` but its parameters, with the symbols that its universe came to. The
    /// range is told by the rows that it leaves, which are the data's.
    pub fn new(
        session: &Session,
        symbols: &[String],
        periods: f64,
        split: Option<&[Range<usize>; 2]>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut feed = |text: String| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        // Debug prints floats so that they read back as the same bits, and names every field: a new
        // setting cannot be forgotten here.
        feed(format!("{:?}", session.settings));
        feed(format!("{symbols:?}"));
        feed(format!("{:?}", session.data.warmup));
        feed(format!("{periods:?}"));
        feed(match &session.benchmark {
            Benchmark::BuyAndHold => "buy and hold".into(),
            Benchmark::Symbol(symbol) => format!("symbol {symbol}"),
        });
        // Like the range, by the days that it comes to.
        if let Some(split) = split {
            feed(format!("split {split:?}"));
        }
        if session.mode == Mode::Paper {
            feed("paper".into());
        }
        if session.approves() {
            feed("approval".into());
        }
        // They add to a result and change nothing in it, so that what was without them stays as it was.
        if session.both_readings {
            feed("both readings".into());
        }
        if session.backtesting_py {
            feed("backtesting-py".into());
        }
        Self(hasher)
    }

    /// A digest of everything but the parameters.
    pub fn without_params(&self) -> Digest {
        *self.0.finalize().as_bytes()
    }

    /// The settings component with these values of the strategy's parameters.
    pub fn with_params(&self, strategy: &Strategy, params: &[Scalar]) -> Digest {
        let mut hasher = self.0.clone();
        for (param, value) in strategy.params.iter().zip(params) {
            hasher.update(param.name.as_bytes());
            match value {
                Scalar::Number(number) => hasher.update(&[1]).update(&number.to_le_bytes()),
                Scalar::Bool(value) => hasher.update(&[2, u8::from(*value)]),
                Scalar::Text(text) => hasher
                    .update(&[3])
                    .update(&(text.len() as u64).to_le_bytes())
                    .update(text.as_bytes()),
                Scalar::Missing => hasher.update(&[0]),
            };
        }
        *hasher.finalize().as_bytes()
    }
}

/// The identity of a session with these components.
pub fn identity(rules: Digest, settings: Digest, data: Digest) -> Identity {
    Identity { rules, settings, data, engine: ENGINE, schema: SCHEMA as u32 }
}

/// The rules component of a compiled strategy.
pub fn rules_digest(strategy: &Strategy) -> Digest {
    *blake3::hash(strategy.canonical().as_bytes()).as_bytes()
}
