//! Everything that is shown about a check, built from the check and its flaws with nothing added. The terminal page, its
//! JSON and the catalogue in `docs/` are renderings of this one value.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::judge::describe;
use crate::reference::Contract as Reference;
use crate::suite::model::{Check, Contract, Expectation, Level};
use crate::suite::narrate::{Expected, Force, Narration, clean_up, control, steps};
use crate::suite::narrate_matrix::{doubts, matrix, needs};
use crate::suite::template::{Found, Scope, references};
use crate::suite::{Applies, Library};

/// A check, explained.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    pub id: String,
    pub suite: String,
    /// The promise.
    pub title: String,
    /// Unless a contract says otherwise.
    pub level: Level,
    /// What each contract makes of it.
    pub contracts: Vec<ContractLevel>,
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Without which it is skipped.
    pub needs: Vec<String>,
    /// What it is carried out for; one phrase for each variable of the matrix.
    pub matrix: Vec<String>,
    /// Sent before and after the steps.
    pub controls: Vec<Narration>,
    pub steps: Vec<Narration>,
    /// Sent in the end in any case.
    pub clean_up: Vec<Narration>,
    /// The named answers that it expects, as each contract tells them.
    pub answers: Vec<ExplainedAnswer>,
    /// Parameters of contracts that it reads.
    pub parameters: Vec<ExplainedParameter>,
    /// When it comes to no verdict.
    pub inconclusive: Vec<String>,
    pub remedy: String,
    /// The flaws that make it fail.
    pub flaws: Vec<ExplainedFlaw>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContractLevel {
    pub contract: String,
    /// Absent where the contract leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Why it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedAnswer {
    pub name: String,
    /// Contract and what the answer looks like there.
    pub looks: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedParameter {
    pub name: String,
    pub says: String,
    /// Its value under each contract that sets one.
    pub defaults: Vec<(String, Value)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedFlaw {
    pub id: String,
    /// Absent where no reference deployment has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The command that shows the check failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Explanation {
    /// `None` where there is no such check.
    pub fn of(library: &Library, id: &str) -> Option<Self> {
        let (suite, check) = library.check(id)?;
        Some(Self::build(library, suite, check))
    }

    /// Of every check, in the order of the files.
    pub fn all(library: &Library) -> Vec<Self> {
        library
            .checks()
            .map(|(suite, check)| Self::build(library, suite, check))
            .collect()
    }

    fn build(library: &Library, suite: &str, check: &Check) -> Self {
        let situation = |name: &str| library.situation(name).map(|found| found.title.clone());
        Self {
            id: check.id.clone(),
            suite: suite.to_owned(),
            title: check.title.clone(),
            level: check.level.by_default(),
            contracts: contracts(library, check),
            source: check.source.clone(),
            why: check.why.clone(),
            needs: needs(check),
            matrix: matrix(check),
            controls: check.control.iter().map(control).collect(),
            steps: steps(check, &situation),
            clean_up: check.always.iter().map(clean_up).collect(),
            answers: answers(library, check),
            parameters: parameters(library, check),
            inconclusive: doubts(check),
            remedy: check.remedy.clone(),
            flaws: flaws(library, check),
        }
    }
}

fn contracts(library: &Library, check: &Check) -> Vec<ContractLevel> {
    let say = |name: &String, level, left_out| ContractLevel {
        contract: name.clone(),
        level,
        left_out,
    };
    library
        .contracts
        .iter()
        .filter_map(|(name, contract)| match contract.applies(check) {
            Applies::At(level) => Some(say(name, Some(level), None)),
            Applies::Excluded(reason) => Some(say(name, None, Some(reason))),
            Applies::Not => None,
        })
        .collect()
}

fn parameters(library: &Library, check: &Check) -> Vec<ExplainedParameter> {
    let mut names: Vec<String> = check.needs.params.clone();
    if let Ok(value) = serde_json::to_value(check) {
        collect(&value, &mut names);
    }
    let mut explained: Vec<ExplainedParameter> = Vec::new();
    for name in names {
        if explained.iter().any(|known| known.name == name) {
            continue;
        }
        let declared = || {
            library
                .contracts
                .iter()
                .filter_map(|(contract, says)| Some((contract, says.parameters.get(&name)?)))
        };
        let Some((_, first)) = declared().next() else {
            continue;
        };
        explained.push(ExplainedParameter {
            says: first.says.clone(),
            defaults: declared()
                .filter(|(_, parameter)| !parameter.default.is_null())
                .map(|(contract, parameter)| (contract.clone(), parameter.default.clone()))
                .collect(),
            name,
        });
    }
    explained
}

fn answers(library: &Library, check: &Check) -> Vec<ExplainedAnswer> {
    let mut names: Vec<String> = Vec::new();
    if check
        .control
        .iter()
        .any(|send| send.control.is_none() && send.expect.is_none())
    {
        names.push("accepted".to_owned());
    }
    if let Ok(value) = serde_json::to_value(check) {
        answer_names(&value, &mut names);
    }
    let mut explained: Vec<ExplainedAnswer> = Vec::new();
    for name in names {
        if explained.iter().any(|known| known.name == name) {
            continue;
        }
        let looks: Vec<(String, String)> = library
            .contracts
            .iter()
            .filter(|(_, contract)| matches!(contract.applies(check), Applies::At(_)))
            .filter_map(|(id, contract)| {
                let conditions = contract.answers.get(&name)?;
                let expectation = Expectation::Conditions(Box::new(conditions.clone()));
                let says = describe::expectation(&expectation, &Defaults(contract));
                Some((id.clone(), says))
            })
            .collect();
        if !looks.is_empty() {
            explained.push(ExplainedAnswer { name, looks });
        }
    }
    explained
}

/// Texts that stand where an expectation may name an answer.
fn answer_names(value: &Value, names: &mut Vec<String>) {
    const PLACES: [&str; 7] = [
        "control", "expect", "should", "advise", "answer", "any_of", "not",
    ];
    match value {
        Value::Array(items) => items.iter().for_each(|item| answer_names(item, names)),
        Value::Object(members) => {
            for (key, member) in members {
                if PLACES.contains(&key.as_str()) {
                    let listed = match member {
                        Value::Array(items) => items.as_slice(),
                        one => std::slice::from_ref(one),
                    };
                    names.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                answer_names(member, names);
            }
        }
        _ => {}
    }
}

/// Parameters as a contract sets them.
struct Defaults<'a>(&'a Contract);

impl Scope for Defaults<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let ["param", name, rest @ ..] = path else {
            return None;
        };
        let default = &self.0.parameters.get(*name)?.default;
        let value = rest
            .iter()
            .try_fold(default, |value, key| value.get(*key))?;
        (!value.is_null()).then(|| Found::Literal(value.clone()))
    }
}

/// Names after `param.` in every text of a value.
fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let all = references(text).unwrap_or_default();
            names.extend(all.iter().filter_map(|reference| {
                let rest = reference.path.strip_prefix("param.")?;
                rest.split('.').next().map(str::to_owned)
            }));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "param"
                    && let Some(param) = member.as_str()
                {
                    names.push(param.to_owned());
                }
                collect(&Value::String(name.clone()), names);
                collect(member, names);
            }
        }
        _ => {}
    }
}

fn flaws(library: &Library, check: &Check) -> Vec<ExplainedFlaw> {
    check
        .proved_by
        .iter()
        .map(|proof| {
            let known = Reference::ALL.into_iter().filter_map(|deployment| {
                let flaw = deployment.catalogue().find(proof.flaw())?;
                proof
                    .says(deployment.name(), flaw.id)
                    .then_some((deployment, flaw))
            });
            let asked = |deployment: &Reference| {
                library
                    .contract(deployment.name())
                    .is_some_and(|contract| matches!(contract.applies(check), Applies::At(_)))
            };
            let says = known.clone().next().map(|(_, flaw)| flaw.says.to_owned());
            let shows = known.clone().find(|(deployment, _)| asked(deployment));
            ExplainedFlaw {
                id: proof.to_string(),
                says,
                command: shows.map(|(deployment, flaw)| {
                    format!(
                        "proofmark run --target reference:{} --flaw {} --check {}",
                        deployment.name(),
                        flaw.id,
                        check.id
                    )
                }),
            }
        })
        .collect()
}

/// The words before an expectation.
pub(super) fn force(expected: &Expected, level: Level) -> String {
    match expected.force {
        Force::Control => "control".to_owned(),
        Force::Expect => level.word().to_owned(),
        Force::Should => Level::Should.min(level).word().to_owned(),
        Force::Advise => Level::Advice.word().to_owned(),
    }
}
