//! An account that is followed: it takes bars as they come, and obeys what it is told meanwhile.
//!
//! Everything that the account becomes is what [`Account`] makes of its bars and commands. A follower
//! only decides when to look: at the feed, at the control directory, at the clock. It looks several
//! times a second and sleeps in between, so a command is answered while no bar comes.

use super::account::{Account, Refused, Settled};
use super::clock::Clock;
use super::life::{Cause, State};
use super::obey::{Heard, Restart};
use super::replay::Replay;
use super::stale::is_silent;
use crate::batch;
use crate::batch::kept::{Kept, stamp};
use crate::engine::settings::Span;
use crate::manifest::Session;
use crate::market::{DataSet, Growing};
use crate::plan::{Base, Plan, Prepared};
use crate::store::{Event, EventKind, Level};
use chrono::Utc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a follower looks around.
pub const TICK: Duration = Duration::from_millis(100);

/// How many looks in a row must fail before the data is unfit: a file that is being replaced is gone
/// for a moment.
const PATIENCE: usize = 10;

/// The phase in which an account is computed again, and the one in which it takes bars.
const OPEN: &str = "open";
const FOLLOW: &str = "follow";

/// Looking for bars among those that are there takes one part in so many of the time, while no more come.
const SHARE: u32 = 50;

/// How many lines of a text are kept once the account has their bars.
const OVERLAP: usize = 2_000;

/// Where bars come from.
#[derive(Debug)]
pub enum Feed {
    /// Files that somebody writes.
    Files(Growing),
    /// History, played again.
    Replay {
        /// Its files.
        files: Growing,
        /// The history, once it is read.
        history: Option<Replay>,
        /// How many times faster than it happened; `None` for as fast as it can be taken.
        pace: Option<f64>,
    },
}

/// How an account is, for whoever watches.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Its state.
    pub state: State,
    /// When the last bar opened that it has seen, microseconds since 1970.
    pub last_bar: Option<i64>,
    /// How many bars it walks over.
    pub bars: usize,
    /// Money.
    pub equity: f64,
    /// Money that it gained since it was opened.
    pub profit: f64,
    /// Closed trades.
    pub trades: usize,
    /// Closed trades with a profit.
    pub wins: usize,
    /// Closed trades with a loss.
    pub losses: usize,
    /// From the moment a bar was seen until what it decided was written, seconds; `None` before the
    /// first.
    pub latency: Option<f64>,
}

/// What happened since the last look.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Nothing.
    None,
    /// The account took bars, or was told something.
    Settled(Settled),
    /// It is in another state.
    State(State, String),
    /// Somebody told it something, and whether it obeys.
    Told(String),
    /// Something that a person should know.
    Warning(String),
}

/// Why following ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was told to by whoever called.
    Told,
    /// The account is to be put aside; another one is followed then.
    Restart(Restart),
    /// The account is closed.
    Closed,
    /// No more bars can come.
    Exhausted,
    /// No more bars can come, and those that came cannot be used, for this reason.
    Unfit(String),
}

/// An account that is followed.
pub struct Follower<'p> {
    account: Account,
    plan: &'p Plan,
    prepared: Prepared,
    index: usize,
    base: &'p Base,
    feed: Feed,
    /// The bars of the feed, as far as they are not all taken.
    data: Option<DataSet>,
    /// When they were looked through last, and how long that took; `None` if they have changed since.
    looked: Option<(Instant, Duration)>,
    /// A command was given since the account was walked over.
    told: bool,
    /// How many looks in a row failed.
    failed: usize,
    /// Why its data is not fit, if it is suspended for that.
    unfit: Option<String>,
    sight: Sight,
    heart: Instant,
    clock: Clock,
    restart: Option<Restart>,
    /// Set when no more bars will be written.
    exhausted: Arc<AtomicBool>,
}

impl<'p> Follower<'p> {
    /// Follow `account`, whose session is number `index` of `plan`.
    pub fn begin(
        mut account: Account,
        plan: &'p Plan,
        mut prepared: Prepared,
        index: usize,
        feed: Feed,
    ) -> Result<Self, Refused> {
        account.pace_checkpoints(true);
        let base = plan.base(&plan.points[index]);
        if account.terms().is_some() && account.wrong().is_none() {
            // A manifest that changed is no fault of the account, which stays as it is.
            account.may_go_on(base)?;
            account.put(&mut prepared, index, base).map_err(Refused::Changed)?;
        }
        let capital = base.session.settings.capital;
        let sight = Sight {
            state: account.state().unwrap_or(State::Initializing),
            last_bar: account.last_bar(),
            bars: 0,
            equity: capital,
            profit: 0.0,
            trades: 0,
            wins: 0,
            losses: 0,
            latency: None,
        };
        let mut follower = Self {
            account,
            plan,
            prepared,
            index,
            base,
            feed,
            data: None,
            looked: None,
            told: false,
            failed: 0,
            unfit: None,
            sight,
            heart: Instant::now(),
            clock: Clock::new(None),
            restart: None,
            exhausted: Arc::default(),
        };
        follower.tell(EventKind::RunnerStart, "follows its feed", |it| {
            it.fact("pid", std::process::id())
        })?;
        if let Err(refused) = follower.open() {
            return Err(follower.fail(refused));
        }
        follower.tell(EventKind::PhaseStart, "takes bars as they come", |it| it.phase(FOLLOW))?;
        Ok(follower)
    }

    /// Compute again what the account was, before anything new is taken.
    fn open(&mut self) -> Result<(), Refused> {
        if self.account.terms().is_none() && self.account.wrong().is_none() {
            return Ok(());
        }
        let began = Instant::now();
        self.tell(EventKind::PhaseStart, "is opened", |it| it.phase(OPEN))?;
        if let Some(fact) = self.account.wrong() {
            self.check("files", false, &fact)?;
            return Err(Refused::Damaged(fact));
        }
        self.account.turn(Cause::Open, "followed by a new process")?;
        let walked = self.walk();
        let passed = walked.is_ok();
        let message = if passed { "is as it was left" } else { "is not as it was left" };
        self.check("history", passed, message)?;
        let bars = walked?.bars;
        self.tell(EventKind::PhaseEnd, "is open", |it| {
            let it = it.phase(OPEN).metric("seconds", began.elapsed().as_secs_f64());
            it.count("bars", bars)
        })
    }

    /// End when `exhausted` is set and all bars are taken.
    pub fn exhausted_when(&mut self, exhausted: Arc<AtomicBool>) {
        self.exhausted = exhausted;
    }

    /// Judge bars by another clock than the machine's.
    pub fn judge_by(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Follow until `stop` says so, the account is closed, or no more bars can come; `watch` is shown
    /// what happens, and nothing in between.
    pub fn follow(
        &mut self,
        stop: impl Fn() -> bool,
        watch: impl FnMut(&Sight, News),
    ) -> Result<End, Refused> {
        self.follow_on(stop, watch).map_err(|refused| self.fail(refused))
    }

    fn follow_on(
        &mut self,
        stop: impl Fn() -> bool,
        mut watch: impl FnMut(&Sight, News),
    ) -> Result<End, Refused> {
        loop {
            let began = Instant::now();
            if stop() {
                return self.end(End::Told);
            }
            self.obey(&mut watch)?;
            if let Some(restart) = self.restart.take() {
                return self.end(End::Restart(restart));
            }
            let more = self.take(&mut watch)?;
            self.beat()?;
            watch(&self.sight, News::None);
            if self.account.state() == Some(State::Closed) {
                return self.end(End::Closed);
            }
            if !more {
                let end = self.unfit.clone().map_or(End::Exhausted, End::Unfit);
                return self.end(end);
            }
            let wait = match &self.feed {
                Feed::Replay { history: Some(replay), .. } => {
                    replay.wait().unwrap_or(TICK).min(TICK)
                }
                _ => TICK,
            };
            std::thread::sleep(wait.saturating_sub(began.elapsed()));
        }
    }

    fn end(&mut self, end: End) -> Result<End, Refused> {
        self.account.pace_checkpoints(false);
        if self.account.terms().is_some() && self.sight.bars > 0 {
            let _ = self.walk()?;
        }
        let message = match end {
            End::Told => "stops following, as it was told",
            End::Restart(_) => "the account is put aside",
            End::Closed => "the account is closed",
            End::Exhausted | End::Unfit(_) => "no more bars can come",
        };
        self.tell(EventKind::PhaseEnd, message, |it| it.phase(FOLLOW))?;
        self.tell(EventKind::RunnerEnd, message, |it| it)?;
        Ok(end)
    }

    /// Write down why it cannot go on, as far as that can still be written.
    fn fail(&mut self, refused: Refused) -> Refused {
        let fact = refused.to_string();
        let _ = self.account.turn(Cause::Failure, &fact);
        let _ = self.tell(EventKind::Error, &fact, |it| it);
        let _ = self.tell(EventKind::RunnerEnd, "cannot go on", |it| it.level(Level::Error));
        refused
    }

    /// Do what others ask of the account.
    fn obey(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<(), Refused> {
        for heard in self.account.obey()? {
            match heard {
                Heard::Garbage(fact) => watch(&self.sight, News::Warning(fact)),
                Heard::Refused(said) => watch(&self.sight, News::Told(said)),
                Heard::Obeyed(said) => {
                    self.told = true;
                    watch(&self.sight, News::Told(said));
                }
                Heard::Restart(restart) => {
                    self.restart = Some(restart);
                    return Ok(());
                }
            }
        }
        if self.told {
            self.told = false;
            let settled = self.walk()?;
            self.show(settled, watch);
        }
        Ok(())
    }

    /// Take the bars that are there; `false` when no more can come.
    fn take(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<bool, Refused> {
        let began = Instant::now();
        let now = self.now(watch)?;
        // Asked before the look, so that what was written last is seen. Nobody writes history.
        let exhausted = match &self.feed {
            Feed::Files(_) => self.exhausted.load(Ordering::Relaxed),
            Feed::Replay { .. } => true,
        };
        match self.look() {
            Ok(garbage) => {
                self.failed = 0;
                self.account.note_once(garbage)?;
                self.pass_on_warnings(watch);
            }
            Err(fact) => {
                self.failed += 1;
                if self.failed == 1 {
                    let message = format!("looks at its feed again: {fact}");
                    self.tell(EventKind::Retry, &message, |it| it)?;
                }
                let is_unfit = self.failed >= PATIENCE;
                if is_unfit {
                    self.suspend(Cause::Unfit, &fact, watch)?;
                }
                return Ok(!(is_unfit && exhausted));
            }
        }
        let (now, more) = match &mut self.feed {
            Feed::Files(_) => (now, !exhausted),
            Feed::Replay { history: None, .. } => {
                watch(&self.sight, News::Told("there is no bar to play again".to_owned()));
                return Ok(false);
            }
            Feed::Replay { history: Some(replay), .. } => match replay.step() {
                Some(then) => (then, true),
                None => return Ok(replay.wait().is_some()),
            },
        };
        let Some(data) = &self.data else {
            if self.unfit.is_some() {
                self.suspend(Cause::Unfit, "its feed has no bar yet", watch)?;
            }
            self.silence(now, watch)?;
            return Ok(more);
        };
        if self.account.terms().is_none() {
            let session: Session = self.base.session.clone();
            let put = self.prepared.put(self.index, session, Arc::new(data.clone()), &[]);
            if let Err(fact) = put {
                self.suspend(Cause::Unfit, &fact, watch)?;
                return Ok(more);
            }
        }
        let is_soon = |(when, took): (Instant, Duration)| when.elapsed() < took * SHARE;
        if more && matches!(self.feed, Feed::Files(_)) && self.looked.is_some_and(is_soon) {
            return Ok(more);
        }
        let job = self.prepared.jobs.iter().find(|job| job.index == self.index);
        let work = job.and_then(|job| job.work.as_ref().ok());
        let looks = Instant::now();
        let taken = self.account.take(self.base, data, work, now);
        self.looked = Some((Instant::now(), looks.elapsed()));
        self.pass_on_warnings(watch);
        match taken {
            Err(Refused::Unfit(fact) | Refused::Changed(fact)) => {
                self.suspend(Cause::Unfit, &fact, watch)?;
                return Ok(more);
            }
            Err(error) => return Err(error),
            Ok(0) => {
                self.mended(watch)?;
                if self.account.has_ended() {
                    self.waits_no_more(watch)?;
                    return Ok(more);
                }
            }
            Ok(_) => {
                self.unfit = None;
                let before = self.sight.state;
                let settled = self.walk()?;
                self.sight.latency = Some(began.elapsed().as_secs_f64());
                if before == State::Suspended {
                    let cause = Cause::Fit.about().to_owned();
                    watch(&self.sight, News::State(self.sight.state, cause));
                }
                self.show(settled, watch);
                return Ok(more);
            }
        }
        self.silence(now, watch)?;
        Ok(more)
    }

    /// Show what the account's journal warns of.
    fn pass_on_warnings(&mut self, watch: &mut impl FnMut(&Sight, News)) {
        for warning in self.account.unsaid() {
            watch(&self.sight, News::Warning(warning));
        }
    }

    /// Look at the feed; lines that are no bars, in words. What is wrong with it otherwise.
    fn look(&mut self) -> Result<Vec<String>, String> {
        let files = match &mut self.feed {
            Feed::Files(files) | Feed::Replay { files, history: None, .. } => files,
            Feed::Replay { .. } => return Ok(Vec::new()),
        };
        let Some(grown) = files.look().map_err(|error| error.to_string())? else {
            return Ok(Vec::new());
        };
        if let Feed::Replay { history, pace, .. } = &mut self.feed {
            let (session, last) = (&self.base.session, self.account.last_bar());
            *history = Some(Replay::new(session, &grown.data, last, *pace));
        }
        (self.data, self.looked) = (Some(grown.data), None);
        Ok(grown.garbage.iter().map(|(file, line)| line.told(file)).collect())
    }

    /// The clock's instant. A clock that jumped is told: what it says is believed.
    fn now(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<i64, Refused> {
        let (now, jump) = self.clock.now();
        if let Some(jump) = jump {
            let how = if jump > 0.0 { "ahead" } else { "back" };
            self.warn(format!("the clock went {how} by {:.0} s", jump.abs()), watch)?;
        }
        Ok(now)
    }

    /// Suspend the account if no bar came for too long.
    fn silence(&mut self, now: i64, watch: &mut impl FnMut(&Sight, News)) -> Result<(), Refused> {
        let (Some(data), Some(last), Feed::Files(_)) =
            (&self.data, self.account.last_bar(), &self.feed)
        else {
            return Ok(());
        };
        let Some(clock) = data.bars.first().map(|bars| &bars.clock) else { return Ok(()) };
        let patience = match self.base.session.paper.stale_after {
            Span::Bars(bars) => bars as i64 * clock.timeframe,
            Span::Time(time) => time,
        };
        let settings = &self.base.session.data;
        let since = clock.close(last) + settings.delay;
        if !is_silent(data, settings, (since, now), patience) {
            return Ok(());
        }
        let fact = format!("no bar since {}", stamp(last));
        self.suspend(Cause::Stale, &fact, watch)
    }

    /// The data is fit again, if it was not.
    fn mended(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<(), Refused> {
        if self.unfit.take().is_some() {
            self.goes_on(watch)?;
        }
        Ok(())
    }

    /// The range of the account has ended: nobody waits for bars any more.
    fn waits_no_more(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<(), Refused> {
        if let Some(fact) = self.account.tell_waits()? {
            watch(&self.sight, News::Told(fact));
        }
        match self.account.state() {
            Some(State::Suspended) => self.goes_on(watch),
            _ => Ok(()),
        }
    }

    /// The account is suspended no more, if it is.
    fn goes_on(&mut self, watch: &mut impl FnMut(&Sight, News)) -> Result<(), Refused> {
        let cause = if self.account.paused { Cause::FitPaused } else { Cause::Fit };
        self.account.turn(cause, cause.about())?;
        self.sight.state = self.account.state().unwrap_or(self.sight.state);
        watch(&self.sight, News::State(self.sight.state, cause.about().to_owned()));
        Ok(())
    }

    /// Say why the account takes no bars, once, and suspend it, if what it is can be suspended.
    fn suspend(
        &mut self,
        cause: Cause,
        fact: &str,
        watch: &mut impl FnMut(&Sight, News),
    ) -> Result<(), Refused> {
        let state = self.account.state().unwrap_or(State::Initializing);
        let is_unfit = cause == Cause::Unfit;
        let is_news = match is_unfit {
            // A feed that comes back may bring what cannot be used.
            true => self.unfit.as_deref() != Some(fact),
            false => state.after(cause).is_ok(),
        };
        if !is_news {
            return Ok(());
        }
        if is_unfit {
            self.account.stop_for(&Refused::Unfit(fact.to_owned()), fact);
        } else {
            self.check("feed", false, fact)?;
            self.account.turn(cause, fact)?;
        }
        self.unfit = is_unfit.then(|| fact.to_owned());
        self.sight.state = self.account.state().unwrap_or(state);
        watch(&self.sight, News::State(self.sight.state, fact.to_owned()));
        Ok(())
    }

    /// Walk over the account's bars and settle what comes of it.
    fn walk(&mut self) -> Result<Settled, Refused> {
        let put = self.account.put(&mut self.prepared, self.index, self.base);
        put.map_err(Refused::Changed)?;
        let job = self.prepared.jobs.iter().find(|job| job.index == self.index);
        let job = job.expect("every session has a job");
        let finished = batch::alone(self.plan, &self.prepared, job, true);
        let done = finished.result.map_err(|failure| Refused::Damaged(failure.error))?;
        let kept = Kept::of(self.plan, &self.prepared, job, &done);
        let kept = kept.expect("a session that was run with its details has them");
        let settled = self.account.settle(&kept)?;
        let capital = kept.work().variant().settings().capital;
        let closed = kept.outcome.trades.iter().filter(|trade| trade.exit.is_some());
        let equity = kept.equity_series().last().copied().unwrap_or(capital);
        self.sight = Sight {
            state: settled.state,
            last_bar: self.account.last_bar(),
            bars: settled.bars,
            equity,
            profit: equity - capital,
            trades: closed.clone().count(),
            wins: closed.clone().filter(|trade| trade.profit > 0.0).count(),
            losses: closed.filter(|trade| trade.profit < 0.0).count(),
            latency: self.sight.latency,
        };
        if let Feed::Files(files) = &mut self.feed {
            files.forget(OVERLAP);
        }
        Ok(settled)
    }

    fn show(&self, settled: Settled, watch: &mut impl FnMut(&Sight, News)) {
        watch(&self.sight, News::Settled(settled));
    }

    /// Say that it is alive, every `paper.heartbeat`.
    fn beat(&mut self) -> Result<(), Refused> {
        let pause = Duration::from_micros(self.base.session.paper.heartbeat.unsigned_abs());
        if self.heart.elapsed() < pause {
            return Ok(());
        }
        self.heart = Instant::now();
        let Sight { equity, profit, trades, wins, losses, latency, .. } = self.sight.clone();
        let message = format!("alive, equity {equity:.2}");
        self.tell(EventKind::Heartbeat, &message, |event| {
            let event = event.metric("equity", equity).metric("profit", profit);
            let event = event.count("trades", trades).count("wins", wins).count("losses", losses);
            match latency {
                Some(latency) => event.metric("decision_latency", latency),
                None => event,
            }
        })?;
        Ok(self.account.show_time()?)
    }

    fn warn(
        &mut self,
        message: String,
        watch: &mut impl FnMut(&Sight, News),
    ) -> Result<(), Refused> {
        self.tell(EventKind::Warning, &message, |it| it)?;
        watch(&self.sight, News::Warning(message));
        Ok(())
    }

    /// Tell what a check came to, by its name.
    fn check(&mut self, name: &str, passed: bool, fact: &str) -> Result<(), Refused> {
        let level = if passed { Level::Info } else { Level::Warning };
        let message = format!("{name}: {fact}");
        self.tell(EventKind::Check, &message, |it| {
            it.level(level).fact("name", name).fact("passed", passed)
        })
    }

    fn tell(
        &mut self,
        kind: EventKind,
        message: &str,
        facts: impl FnOnce(Event) -> Event,
    ) -> Result<(), Refused> {
        let event = Event::new(Utc::now(), kind, message).session(self.account.name());
        Ok(self.account.tell(&[facts(event)])?)
    }

    /// The account and the plan's data, when following has ended.
    pub fn into_parts(self) -> (Account, Prepared) {
        (self.account, self.prepared)
    }
}
