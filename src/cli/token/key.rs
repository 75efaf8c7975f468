//! Keys out of files.

use std::path::Path;

use super::input::{MAX_FILE, name, read};
use crate::cli::output::Fault;
use crate::jose::{
    Algorithm, Jwk, Jwks, KEY_FORMATS, KeyError, KeyMaterial, KeyType, Secret, SigningKey, import,
    import_one, mistake_place,
};

/// What a file that holds no known key format is taken for under HS256, HS384 and HS512.
const OR_SECRET: &str = "with `--algorithm HS256`, HS384 or HS512 also the octets of a secret";

/// The octets of a key file and where they are from.
pub struct KeyFile {
    name: String,
    octets: Vec<u8>,
}

impl KeyFile {
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Ok(Self {
            name: name(path),
            octets: read(path, MAX_FILE)?,
        })
    }

    /// All keys of the file. `algorithm` is for keys that do not say theirs, and makes a secret of octets that are
    /// nothing else.
    pub fn set(&self, algorithm: Option<Algorithm>) -> Result<Jwks, Fault> {
        let mut set = match import(&self.octets) {
            Ok(set) => set,
            Err(error) => Jwks {
                keys: vec![self.secret(algorithm, &error)?],
                unusable: Vec::new(),
            },
        };
        for key in &mut set.keys {
            let wanted = algorithm.filter(|algorithm| algorithm.key_type() == key_type(key));
            if let (None, Some(wanted)) = (&key.alg, wanted) {
                key.alg = Some(wanted.name().to_owned());
            }
        }
        Ok(set)
    }

    /// The one private key or secret of the file.
    pub fn signing(&self, algorithm: Option<Algorithm>) -> Result<SigningKey, Fault> {
        let mut jwk = match import_one(&self.octets) {
            Ok(jwk) => jwk,
            Err(error) => self.secret(algorithm, &error)?,
        };
        if let Some(algorithm) = algorithm {
            if algorithm.key_type() != key_type(&jwk) {
                let says = format!("{}: the key cannot sign {algorithm}", self.name);
                return Err(Fault::Usage(says));
            }
            jwk.alg = Some(algorithm.name().to_owned());
        }
        SigningKey::new(jwk).map_err(|error| match error {
            KeyError::Missing("d") => Fault::Usage(format!(
                "{}: a public key signs nothing; the private one is wanted",
                self.name
            )),
            error => self.fault(&error),
        })
    }

    /// The public key that a target verifies with.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub fn fault(&self, error: &KeyError) -> Fault {
        let place = mistake_place(&self.octets, error);
        let place = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        let says = super::visible(&error.to_string());
        let formats = match error {
            KeyError::UnknownFormat => format!("\n  = help: {OR_SECRET}"),
            _ => format!("\n  = help: keys are read from {KEY_FORMATS}"),
        };
        Fault::Usage(format!("{}{place}: {says}{formats}", self.name))
    }

    fn secret(&self, algorithm: Option<Algorithm>, error: &KeyError) -> Result<Jwk, Fault> {
        let hmac = algorithm.filter(|algorithm| algorithm.key_type() == KeyType::Secret);
        let (Some(algorithm), KeyError::UnknownFormat) = (hmac, error) else {
            return Err(self.fault(error));
        };
        // Editors end files with a line break that is no part of the secret.
        let octets = &self.octets;
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        let octets = octets.strip_suffix(b"\r").unwrap_or(octets);
        let mut jwk = Jwk::bare(KeyMaterial::Secret(Secret::new(octets)));
        jwk.alg = Some(algorithm.name().to_owned());
        Ok(jwk)
    }
}

fn key_type(key: &Jwk) -> KeyType {
    key.public()
        .map_or(KeyType::Secret, |public| public.key_type())
}

/// For `--algorithm`.
pub fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::of_name(name).ok_or_else(|| {
        let all: Vec<&str> = Algorithm::ALL.iter().map(|one| one.name()).collect();
        format!("there are {}", all.join(", "))
    })
}
