//! What suite, contract and target files say, as types. The JSON Schemas that editors use are made from these.

mod check;
mod compare;
mod contract;
mod expectation;
mod issuer;
mod level;
mod matching;
mod operation;
mod poll;
mod principal;
mod proof;
mod race;
mod rate_limit;
mod sayings;
mod step;
mod target;
mod token;
mod verb;

pub use check::{Check, Domain, NamedSelection, Needs, Nodes, Selected, Situation, Suite};
pub use compare::Compare;
pub use contract::{Contract, Parameter, Selection};
pub use expectation::{
    BodyExpectation, Conditions, ConnectionEnd, Expectation, HeaderConditions, HeaderExpectation,
    HeaderRule, Noticed, SameAs, SameAsRule, SamePart,
};
pub use issuer::{Issue, IssuerTerms, ListenerTerms, Rotation};
pub use level::{DeclaredLevel, Level};
pub use matching::{OneOrMany, StatusSet, TextRules, ValueMatch, ValueRules};
pub use operation::{Access, Body, Makes, Operation, OperationEntry, OperationSpec, method_writes};
pub use poll::{Again, Poll, Polled, STRAIGHT};
pub use principal::{
    Carriage, CredentialSource, Exchange, Oauth2, Principal, ProofTerms, SourceSpec,
};
pub use proof::Proof;
pub use race::{Burst, Copies, Race, Runners, Times};
pub use rate_limit::{LimitKind, Partition, RateLimit, RateLimitEntry};
pub use sayings::Sayings;
pub use step::{
    Capture, HeaderChange, Observe, Probe, ProbeKind, Resend, Rotate, Send, Since, Spoil, Step,
    Transport, Wait,
};
pub use target::{Consent, Limits, TargetFile};
pub use token::{MintingKey, MintingOperation, TokenTerms};
