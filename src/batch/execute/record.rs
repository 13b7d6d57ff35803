//! What a run leaves in the registry: a record a session, one for a whole sweep.

use super::Execution;
use crate::batch::kept;
use crate::engine::ENGINE;
use crate::expr::Scalar;
use crate::manifest::Objective;
use crate::plan::{self, Base, Work, hex};
use crate::store::{self, Record, Row, Status, StoreError, SweepSummary};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

impl Execution<'_> {
    /// Append what this run ran to the registry: a record a session, one for a whole sweep.
    pub(super) fn record(&self, rows: &[Row]) -> Result<(), StoreError> {
        // A run that was killed while it wrote its records goes on after the last of them.
        let id = self.run.id();
        let (known, _) =
            if self.resumed { self.request.store.records() } else { Default::default() };
        let known: HashSet<String> = known
            .into_iter()
            .filter(|record| record.run == id)
            .map(|record| record.session)
            .collect();
        let started = self.run.reader().file().started;
        let finished = Utc::now();
        let mut of_base: Vec<Vec<&Row>> = vec![Vec::new(); self.request.plan.bases.len()];
        for row in rows {
            of_base[self.request.plan.points[row.index as usize].base].push(row);
        }
        for (base, rows) in self.request.plan.bases.iter().zip(of_base) {
            let has_run = rows.iter().any(|row| self.ran[row.index as usize]);
            if has_run && !known.contains(&base.session.name) {
                self.request.store.record(&self.base_record(base, &rows, started, finished))?;
            }
        }
        Ok(())
    }

    fn base_record(
        &self,
        base: &Base,
        rows: &[&Row],
        started: DateTime<Utc>,
        finished: DateTime<Utc>,
    ) -> Record {
        let objective: Objective = self.request.plan.run.objective;
        let value = |row: &Row| row.metrics.get(objective.metric);
        let completed = rows.iter().filter(|row| row.status == Status::Completed);
        let best = completed.min_by(|a, b| objective.order(value(a), value(b)));
        let row = best.unwrap_or(&rows[0]);
        let label = self.label(row.index as usize);
        let with = |status: Status| rows.iter().filter(|row| row.status == status).count() as u64;
        let sweep = base.swept.then(|| SweepSummary {
            points: rows.len() as u64,
            completed: with(Status::Completed),
            failed: with(Status::Failed),
            refused: with(Status::Refused),
            best_key: best.map(|_| label.key.clone()),
            best_metric: Some(objective.metric.name().to_owned()),
            best_value: value(row),
        });
        let worst = [Status::Failed, Status::Refused, Status::Aborted]
            .into_iter()
            .find_map(|status| rows.iter().find(|row| row.status == status));
        let work = self.job(row.index as usize).and_then(|job| job.work.as_ref().ok());
        let dir = self.dir(row.index as usize, &row.identity);
        let is_kept = self.kept.contains(&dir);
        let run = self.run.reader();
        let result = is_kept.then(|| run.kept_file(&dir, kept::RESULT).ok()).flatten();
        let file = run.file();
        let label_of = &base.session.label;
        Record {
            schema: store::SCHEMA,
            run: file.id.clone(),
            session: base.session.name.clone(),
            key: if base.swept { base.session.name.clone() } else { label.key.clone() },
            mode: label.mode.to_string(),
            strategy: label.strategy.to_string(),
            symbols: label.symbols.to_vec(),
            tags: label_of.tags.clone(),
            description: label_of.description.clone(),
            env: Some(label_of.env.clone()).filter(|env| !env.is_empty()),
            status: worst.map_or(Status::Completed, |row| row.status),
            error: worst.and_then(|row| row.error.clone()),
            kind: worst.and_then(|row| row.kind.clone()),
            note: row.note.clone(),
            started,
            finished,
            seconds: (finished - started).as_seconds_f64(),
            host: self.request.host.to_owned(),
            command_line: self.request.command_line.to_vec(),
            version: file.version.clone(),
            engine: ENGINE,
            identity: work.map(Work::identity).map(|identity| store::Identity {
                id: hex(&identity.digest(), 64),
                rules: hex(&identity.rules, 64),
                settings: hex(&identity.settings, 64),
                data: hex(&identity.data, 64),
                engine: identity.engine,
                schema: identity.schema,
            }),
            result_digest: result.map(|bytes| blake3::hash(&bytes).to_hex().to_string()),
            metrics: row.metrics,
            parts: row.parts.as_deref().copied(),
            params: self.params(base, row.index as usize),
            sweep,
            checks: work.map_or_else(Vec::new, |work| self.request.prepared.checks(work.slice)),
            result: is_kept.then(|| format!("runs/{}/sessions/{dir}", file.id)),
        }
    }

    /// The parameters of a session, and the values of its other axes, by path.
    fn params(&self, base: &Base, index: usize) -> Vec<(String, Scalar)> {
        let point = &self.request.plan.points[index];
        let names = base.definition(point).params.iter().map(|param| &param.name);
        let params = names.map(|name| format!("params.{name}"));
        let axes = base.axes.iter().map(|axis| axis.path.clone());
        let others = axes.filter(|path| !path.starts_with("params."));
        let paths = params.chain(others);
        paths.map(|path| (path.clone(), plan::value(base, point, &path))).collect()
    }
}
