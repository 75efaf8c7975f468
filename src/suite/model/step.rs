use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::Compare;
use super::expectation::Expectation;
use super::issuer::Rotation;
use super::matching::OneOrMany;
use super::operation::Body;
use super::poll::Poll;
use super::race::{Burst, Race};
use crate::wire::Cut;

/// One step of a check. The key that is a verb says which.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Step {
    Send(Box<Send>),
    Observe(Box<Observe>),
    Resend(Box<Resend>),
    Wait(Box<Wait>),
    Probe(Box<Probe>),
    Rotate(Rotate),
    Race(Box<Race>),
    Burst(Box<Burst>),
    Poll(Box<Poll>),
    Compare(Box<Compare>),
}

/// Sends a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// An operation by name or reference (`${operation}`), or a request line such as `GET /nowhere`.
    pub send: String,
    /// The principal to send it as. Default: `anonymous`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The principal whose `values` (ids of what it owns) fill the placeholders of the operation. Default: the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_of: Option<String>,
    /// Values that fill the placeholders of the operation, over those of the principal; they also stand for a value of
    /// the attempt of that name, so that `canary: "${canary2}"` makes another body. Names may be references
    /// (`${operation.made}`).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, serde_json::Value>,
    /// Fills every placeholder of the operation with this text, in which `${own}` is what would stand there otherwise,
    /// and `${senders}` what would were there no `values_of`.
    /// `unknown` fills it with something of the same form that nothing has: as long, of the same kinds of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholders: Option<String>,
    /// What is wrong with the credential: one of the `Spoil` words, or a reference to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoil: Option<String>,
    /// The forgery that the sender's token is changed by, by name (`claims-changed`, `kid-path/dev-null`) or reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What is wrong with the proof of possession that goes with a bound credential: a forgery by name or reference, or
    /// `none` for no proof at all, or `right` for a right one also where the credential is left out. `headers` may refer to `${proof}` and `${another_proof}`, two right ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Credentials that are not sent, by kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path in place of the operation's, as octets; the query of the operation is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Query parameters to add, or (`null`) to take away. Names and values are percent-encoded.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub query: IndexMap<String, Option<String>>,
    /// Field lines to set, to send several times, or (`null`) to leave out.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, HeaderChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// `Content-Type` in place of the one that the body implies; `""` sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Over which address. Default: `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Transport>,
    /// To this machine: one of the target file's `nodes`, by its number from 0, or a reference. Default: wherever the name
    /// leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<serde_json::Value>,
    /// `1.1` (default) or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh_connection: bool,
    /// Send `Expect: 100-continue` and wait before the body goes out (RFC 9110 §10.1.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub await_continue: bool,
    /// Break off there, by closing the connection: no answer is waited for, and nothing can be expected of it. What is
    /// saved and sent again by `resend` is the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Only where this reference (`operation.state`) has a value. A pass without the step is marked unconfirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// What a correct target must answer for the check to be judged at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<OneOrMany<Expectation>>,
    /// The promise, at the check's level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<OneOrMany<Expectation>>,
    /// What is only recommended, whatever the check's level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should: Option<OneOrMany<Expectation>>,
    /// Good practice, whatever the check's level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advise: Option<OneOrMany<Expectation>>,
    /// A name for this exchange, for `resend`, `same_as`; `${NAME.proof}` is the proof of possession that it carried,
    /// `${NAME.jkt}` the thumbprint of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
}

/// Looks at the answer to a named situation, which the run provokes once for all checks that look at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// A situation by name or reference (`${situation}`).
    pub observe: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advise: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
}

/// Sends the request of an earlier step again, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    /// The `save` name of the earlier step.
    pub resend: String,
    /// To this machine, as for `send`. Default: where the earlier one went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh_connection: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advise: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
}

/// Waits, in seconds; other checks go on meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Seconds, or a reference such as `${param.revocation_s}`. At most an hour.
    pub wait: serde_json::Value,
    /// The part of them that is waited for, from 0 to 1: what is promised to last so long is tried shortly before its end.
    /// Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// From that moment on, however long the steps since then took. Default: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
}

/// A moment that a wait may be counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// When the first request of the steps was sent.
    FirstSent,
    /// When all requests of the first step were answered.
    FirstAnswered,
}

/// Looks at the transport below HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub probe: ProbeKind,
    /// For `tls-version`: `ssl3`, `1.0`, `1.1`, `1.2` or `1.3`, or a reference to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// For `token`: the principal whose token is looked at.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// For `drawn`: the name of the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// For `alpn`: the protocol names offered, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offer: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advise: Option<OneOrMany<Expectation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}

/// Changes the key set of the issuer that we play. The check must be `alone`; after its steps all is as it was before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    pub rotate: Rotation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// A ClientHello that offers one version and nothing newer.
    TlsVersion,
    /// The chain that the target sends, and whether it verifies for the name.
    Certificate,
    /// Which protocol is chosen out of `offer`, and which one is then spoken.
    Alpn,
    /// HTTP/2 with prior knowledge on the plain address (RFC 9113 §3.3).
    H2cPriorKnowledge,
    /// `Upgrade: h2c` on the plain address.
    H2cUpgrade,
    /// The header and claims of a token that the target issued (`as` says to whom), and its `life` in seconds; never
    /// its signature. `verifies` says whether a key that is published (`jwks`, `public_key`) signed it; `weak_secret`
    /// whether it is signed with a secret that everybody tries first, `null` for a token that is signed otherwise.
    Token,
    /// What became of the secrets that answers showed in the `secret_members` of contract and target file: how many
    /// there were (`secrets`), how many answers were searched for them (`answers`), and where one stood `again`, in
    /// another answer than that to the method and path that showed it first, and not to a request with it in its
    /// address. Over the run until then, so that the check should be `last`; of a resumed run over what was done since.
    ShownAgain,
    /// What can be told of the values that an earlier race or burst captured of each accepted answer, under the name that
    /// `of` says: `number`, `distinct`, `varying` (characters of each that are not the same in all), `alphabet` (different
    /// characters at these places), `bits` (how much that can be at the most) and `order_p` (how likely chance makes them
    /// rise or fall so often from one to the next).
    Drawn,
}

impl ProbeKind {
    /// Whether it can be asked of an address with TLS alone.
    pub fn is_of_tls(self) -> bool {
        matches!(self, Self::TlsVersion | Self::Certificate | Self::Alpn)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Https,
    /// The plain-HTTP address of the target.
    Plain,
}

/// One line, several lines, or none. A line that is a reference to a list sends several, one to `null` sends none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderChange {
    Absent(()),
    Line(String),
    Lines(Vec<String>),
}

/// What is wrong with a credential that is otherwise the principal's own, or odd about how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spoil {
    /// Not sent at all.
    Absent,
    /// The field is there, with the scheme (if any) and nothing after it.
    Empty,
    /// The scheme and a single space.
    Blank,
    /// `x` in place of the value.
    Malformed,
    /// Well formed, right length and prefix, and never issued.
    Unknown,
    /// The last eight characters are missing.
    Truncated,
    /// One character in the middle is another.
    Altered,
    /// Under an authentication scheme that was not asked for.
    OtherScheme,
    /// Without the scheme word.
    Bare,
    /// The same field line twice.
    Twice,
    /// Nothing is wrong: the scheme is written in lower case (RFC 9110 §11.1).
    LowerScheme,
    /// Nothing is wrong: the scheme is written in upper case.
    UpperScheme,
    /// Two spaces behind the scheme.
    TwoSpaces,
    /// A tab behind the scheme.
    Tab,
}

/// Where a captured value is found. The texts may hold references (`${param.NAME}`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// JSONPath (RFC 9535) into the body; the first node counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The value of the cookie of this name in `Set-Cookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The id of what this operation made, by its name or a reference: where its `makes` says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// A regular expression over what was found (or over the body); its first group, or the whole match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Never shown: replaced by its name in everything that is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Without it the check goes on; the name then has no value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Of a race or burst: that of every accepted answer. In the requests of a race or burst after it `${NAME}` is then
    /// the one with the runner's number, and `${NAME.count}` is how many there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}
