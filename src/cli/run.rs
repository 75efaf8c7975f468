//! `proofmark run`: the main job.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::dry_run::Schedule;
use super::exit::Exit;
use super::interrupt::asked_to_end;
use super::journal_file;
use super::output::{Fault, Output};
use super::progress::{Progress, tell_now_and_then};
use super::source::{Source, known_checks, open};
use crate::journal::{Journal, RunRecord, read};
use crate::report::{Conformity, Detail, View, terminal};
use crate::run::{Observer, Settings, Stop, resume, run};
use crate::suite::gather::library;
use crate::suite::model::Level;
use crate::suite::plan::Plan;
use crate::suite::{Library, Wanted, expand};

/// Cases that are carried out at the same time unless `--jobs` says otherwise.
const DEFAULT_JOBS: usize = 8;

#[derive(Debug, Args)]
pub struct Run {
    /// Target file, `-` for standard input, or reference[:CONTRACT]; without it, all embedded reference deployments, with small rate limits
    #[arg(long, value_name = "FILE")]
    target: Option<String>,
    /// Switch on a flaw of the reference deployment
    #[arg(long = "flaw", value_name = "NAME")]
    flaws: Vec<String>,
    /// Only checks whose id matches, `*` for any characters, or those of a selection, @NAME
    #[arg(long = "check", value_name = "PATTERN", value_delimiter = ',')]
    checks: Vec<String>,
    /// Only checks of this suite
    #[arg(id = "only_suites", long = "suite", value_name = "NAME")]
    suites: Vec<String>,
    /// Lowest level whose failures count for the exit code
    #[arg(long, value_name = "LEVEL", default_value = "must")]
    level: AskedLevel,
    /// Write a report: terminal=PATH, json=PATH, junit=PATH; `-` for standard output
    #[arg(long = "report", value_name = "FORMAT=PATH")]
    reports: Vec<super::report::Wish>,
    /// Keep the journal here
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// Go on with the run whose journal is at --journal, with the same --target; what to check is in the journal
    #[arg(long, requires = "journal", conflicts_with_all = ["checks", "only_suites", "dry_run"])]
    resume: bool,
    /// Cases at the same time
    #[arg(long, value_name = "N", default_value_t = DEFAULT_JOBS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    jobs: usize,
    /// Name every check that was skipped or could not be judged
    #[arg(long, short)]
    verbose: bool,
    /// Show what would be done, and send nothing; with --report json=PATH also as JSON
    #[arg(long)]
    dry_run: bool,
}

/// `--level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AskedLevel {
    Must,
    Should,
    Advice,
}

impl From<AskedLevel> for Level {
    fn from(asked: AskedLevel) -> Self {
        match asked {
            AskedLevel::Must => Level::Must,
            AskedLevel::Should => Level::Should,
            AskedLevel::Advice => Level::Advice,
        }
    }
}

impl Run {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        self.known(&library)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::World(format!("no runtime: {error}")))?;
        let _entered = runtime.enter();
        let sources = open(self.target.as_deref(), &self.flaws, &library)?;
        let several = sources.len() > 1;
        let is_reference = |name: &String| name.split(':').next() == Some("reference");
        if self.resume && self.target.as_ref().is_some_and(is_reference) {
            return Err(Fault::Usage(
                "a reference deployment has another port and other secrets each time, so a run at it cannot be gone on \
                 with; start it anew without `--resume`"
                    .to_owned(),
            ));
        }
        if several && self.resume {
            return Err(Fault::Usage(
                "`--resume` goes on with one target; add `--target`".to_owned(),
            ));
        }
        if self.dry_run {
            return self.announce(&sources, &library, out);
        }
        for wish in &self.reports {
            wish.can_be_written()?;
        }
        let stop = Stop::default();
        let name = match sources.as_slice() {
            [only] => only.loaded.target.name.clone(),
            all => format!("{} deployments", all.len()),
        };
        let progress = Arc::new(Progress::new(out.live, &name));
        runtime.spawn(watch_for_interrupt(stop.clone(), progress.clone()));
        let telling = runtime.spawn(tell_now_and_then(progress.clone()));
        let schedule = |source| Schedule::of(&self.plan(source, &library));
        let schedules: Vec<Schedule> = match several {
            true => sources.iter().map(schedule).collect(),
            false => Vec::new(),
        };
        if several {
            progress.expects(schedules.iter().map(Schedule::all_cases).sum());
        }
        let seconds = schedules.iter().map(Schedule::seconds_at_least);
        let seconds: Vec<f64> = seconds.collect();
        let fire =
            |source: Source| self.fire(&source, several, &library, &runtime, &stop, &progress, out);
        let ran = side_by_side(sources, &seconds, fire);
        telling.abort();
        progress.clear();
        let mut worst = Exit::Conforms;
        for ran in ran {
            worst = worse(worst, self.tell(ran?, several, out)?);
        }
        Ok(worst)
    }

    /// What would be done, in words, and as JSON where that is asked for.
    fn announce(&self, sources: &[Source], library: &Library, out: &Output) -> Result<Exit, Fault> {
        if let Some(other) = self.reports.iter().find(|wish| !wish.is_json()) {
            return Err(Fault::Usage(format!(
                "`--dry-run` can be written as json only, not as {}",
                other.format_name()
            )));
        }
        let in_words = !self.reports.iter().any(super::report::Wish::to_stdout);
        for source in sources {
            let schedule = Schedule::of(&self.plan(source, library));
            if in_words {
                out.print(&schedule.text());
            }
            let contract = &source.loaded.target.contract;
            for wish in &self.reports {
                let beside = (sources.len() > 1).then_some(contract.as_str());
                wish.put(&schedule.json(), beside, out)?;
            }
        }
        Ok(Exit::Conforms)
    }

    fn known(&self, library: &Library) -> Result<(), Fault> {
        known_checks(library, &self.checks)?;
        for pattern in &self.suites {
            if !library
                .suites
                .keys()
                .any(|suite| crate::suite::pattern_matches(pattern, suite))
            {
                let all: Vec<&str> = library.suites.keys().map(String::as_str).collect();
                return Err(Fault::Usage(format!(
                    "there is no suite `{pattern}`; there are {}",
                    all.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn plan(&self, source: &Source, library: &Library) -> Plan {
        let wanted = Wanted {
            checks: self.checks.clone(),
            suites: self.suites.clone(),
        };
        let target = source.loaded.target.clone();
        let contract = target.contract.clone();
        expand(library, target, &contract, &wanted)
    }

    #[allow(clippy::too_many_arguments)]
    fn fire(
        &self,
        source: &Source,
        several: bool,
        library: &Library,
        runtime: &tokio::runtime::Runtime,
        stop: &Stop,
        progress: &Arc<Progress>,
        out: &Output,
    ) -> Result<Ran, Fault> {
        let contract = source.loaded.target.contract.clone();
        let path = self.journal.as_ref().map(|path| {
            if several {
                beside(path, &contract)
            } else {
                path.clone()
            }
        });
        let settings = Settings {
            jobs: self.jobs,
            roots: source.loaded.roots.clone(),
            stop: stop.clone(),
        };
        let secrets = source.loaded.secrets.clone();
        let (earlier, journal) = self.journal(path.as_deref(), out)?;
        let journal = Arc::new(journal);
        let outcome = match &earlier {
            Some(earlier) => {
                let (then, now) = (&earlier.head.plan.target, &source.loaded.target);
                journal_file::is_of_the_same(then, now).map_err(Fault::Usage)?;
                runtime.block_on(resume(
                    earlier,
                    secrets,
                    &settings,
                    journal.clone(),
                    progress.clone(),
                ))
            }
            None => {
                let plan = Arc::new(self.plan(source, library));
                runtime.block_on(run(
                    &plan,
                    secrets,
                    &settings,
                    journal.clone(),
                    progress.clone(),
                ))
            }
        };
        let outcome = outcome.map_err(|error| Fault::World(error.to_string()))?;
        Ok(Ran {
            contract,
            kept: journal,
            interrupted: outcome.interrupted,
            journal: path,
        })
    }

    /// Prints the report, and writes those that were asked for.
    fn tell(&self, ran: Ran, several: bool, out: &Output) -> Result<Exit, Fault> {
        let Ran {
            contract,
            kept,
            interrupted,
            journal,
        } = ran;
        let run = kept
            .finish()
            .map_err(|error| Fault::World(error.to_string()))?;
        let view = View::of(&run);
        let level = Level::from(self.level);
        let detail = Detail::asked(self.verbose);
        let to_stdout = self.reports.iter().any(super::report::Wish::to_stdout);
        if !to_stdout {
            out.print(&terminal(&view, level, out.paint, detail));
            if several {
                out.print("\n");
            }
        }
        for wish in &self.reports {
            wish.write(
                &view,
                level,
                detail,
                several.then_some(contract.as_str()),
                out,
            )?;
        }
        if let Some(path) = &journal {
            out.note(&format!("journal: {}", path.display()));
        }
        Ok(match (interrupted, view.conformity(level)) {
            (true, _) => Exit::Interrupted,
            (false, Conformity::Conforms) => Exit::Conforms,
            (false, Conformity::Fails) => Exit::Fails,
            (false, Conformity::Undecided) => Exit::Undecided,
        })
    }

    fn journal(
        &self,
        path: Option<&Path>,
        out: &Output,
    ) -> Result<(Option<RunRecord>, Journal), Fault> {
        let Some(path) = path else {
            return Ok((None, Journal::unnamed()));
        };
        let unwritable = |error: std::io::Error| Fault::file(path.to_owned(), error);
        if !self.resume {
            if let Some(kept) = journal_file::make_room(path)? {
                out.note(&format!(
                    "the journal that was there is now {}",
                    kept.display()
                ));
            }
            return Ok((None, Journal::create(path).map_err(unwritable)?));
        }
        let file = std::fs::File::open(path).map_err(unwritable)?;
        let ends_cut = journal_file::ends_without_newline(path).map_err(unwritable)?;
        let (records, _) = read(std::io::BufReader::new(file))
            .map_err(|error| Fault::Usage(format!("{}: {error}", path.display())))?;
        let earlier = RunRecord::from_records(records.clone())
            .map_err(|error| Fault::Usage(format!("{}: {error}", path.display())))?;
        let journal = Journal::append(path, records, ends_cut).map_err(unwritable)?;
        Ok((Some(earlier), journal))
    }
}

/// Deployments at the same time: they wait most of the time, and each takes memory of its own.
const SIDE_BY_SIDE: usize = 2;

/// What comes of each source, in their order. Those that take long begin first; each is over, its deployment included,
/// before the next takes its place. `seconds`: how long each takes at the least; of a single one it is not asked.
fn side_by_side<R: Send>(
    sources: Vec<Source>,
    seconds: &[f64],
    fire: impl Fn(Source) -> R + Sync,
) -> Vec<R> {
    let many = sources.len();
    let mut queue: Vec<(usize, Source)> = sources.into_iter().enumerate().collect();
    let length = |at: usize| seconds.get(at).copied().unwrap_or(0.0);
    queue.sort_by(|(a, _), (b, _)| length(*b).total_cmp(&length(*a)));
    let queue = Mutex::new(queue.into_iter());
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.next()
    };
    let work = || -> Vec<(usize, R)> {
        std::iter::from_fn(next)
            .map(|(at, source)| (at, fire(source)))
            .collect()
    };
    let mut ran: Vec<(usize, R)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..many.min(SIDE_BY_SIDE))
            .map(|_| scope.spawn(work))
            .collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|ran| ran.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    ran.sort_by_key(|(at, _)| *at);
    ran.into_iter().map(|(_, ran)| ran).collect()
}

/// `out/run.jsonl` → `out/run.pers.jsonl`.
pub fn beside(path: &Path, contract: &str) -> PathBuf {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("report");
    let name = match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => format!("{stem}.{contract}.{extension}"),
        None => format!("{stem}.{contract}"),
    };
    path.with_file_name(name)
}

fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Conforms => 0,
        Exit::Undecided => 1,
        Exit::Fails => 2,
        Exit::Unwritten => 3,
        Exit::Mistake => 4,
        Exit::Interrupted => 5,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// The first Ctrl-C, or SIGTERM, ends the run in good order, the second one ends the process.
async fn watch_for_interrupt(stop: Stop, progress: Arc<Progress>) {
    while asked_to_end().await.is_ok() {
        if stop.ask() {
            std::process::exit(Exit::Interrupted as i32);
        }
        progress.noticed("finishing what is under way; again to quit");
    }
}

/// A run that is over.
struct Ran {
    contract: String,
    /// As far as it came.
    kept: Arc<Journal>,
    interrupted: bool,
    journal: Option<PathBuf>,
}
