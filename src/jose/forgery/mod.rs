//! Forgeries as data: declared changes to a valid token or proof.
//!
//! A [`Forgery`] says what is changed; [`forge`] applies it to [`Material`] with the values of an [`Env`]. The
//! forged token differs from the valid one in what the forgery names and nothing else, and is signed after the
//! change unless the signature is the point. [`Catalogue`] holds the named ones (`suites/forgeries/`).

mod catalogue;
mod certificate;
mod encode;
mod forge;
mod material;
mod model;
mod needs;
mod patch;
mod signature;
mod spelling;
mod template;
mod wrap;

pub use catalogue::{Catalogue, CatalogueError, Entry};
pub use forge::{Unforgeable, forge, forged_claims};
pub use material::{Material, Strangers, TargetKey};
pub use model::{
    Charset, Encode, Forgery, HmacKey, JsonForm, Jwe, JweContent, Patch, Payload, Place, Repeated,
    Scalar, Segments, SignatureEdit, Signer, Spelling, Text, TextEdit,
};
pub use needs::Need;
pub use template::{Env, TemplateError};
