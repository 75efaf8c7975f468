//! What a target file needs to know of an operation of a reference deployment.

/// One operation; constants beside the routes of each contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: &'static str,
    pub method: &'static str,
    /// The path on the wire, base path included; `{id}` stands for the id of an object.
    pub path: &'static str,
    /// Principals that may use it; `anonymous` means anybody.
    pub who: &'static [&'static str],
    /// A body that is accepted; empty for none. `$name` stands for the secret of that name.
    pub body: &'static str,
    /// Status of success.
    pub status: u16,
    /// The operation that shows the effect of this one; empty for operations that change nothing.
    pub read_by: &'static str,
    /// The operation whose answer holds an id for `{id}` (member `id`, of the first entry where it is a list).
    pub id_from: &'static str,
}

impl Operation {
    /// Without a body, an effect or an id.
    pub const fn new(
        name: &'static str,
        method: &'static str,
        path: &'static str,
        who: &'static [&'static str],
        status: u16,
    ) -> Self {
        Self {
            name,
            method,
            path,
            who,
            body: "",
            status,
            read_by: "",
            id_from: "",
        }
    }
}
