//! Carries out a plan: schedules cases, fetches credentials, sends requests, keeps the journal. The I/O lives here and
//! in `wire`.

mod again;
mod body;
mod budgets;
mod case;
mod client_credentials;
mod clock;
mod coded;
mod compare;
mod credential;
mod drawn;
mod field;
mod forge;
mod hopeless;
mod issuer;
mod keyring;
mod listener;
mod listener_port;
mod minting;
mod named_credentials;
mod outside;
mod pace;
mod poll;
mod possession;
mod prepare;
mod probe;
mod purses;
mod race;
mod reach;
mod record;
mod refusal;
mod request;
mod schedule;
mod scope;
mod send;
mod shown_secrets;
mod silence;
mod stop;
mod wait;

pub use schedule::{DEFAULT_RATE, Observer, Outcome, RunError, Settings, Silent, resume, run};
pub use stop::Stop;
