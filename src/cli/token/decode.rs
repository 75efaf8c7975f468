//! `proofmark token decode`: what a token says, sound or not.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::{input, now, visible};
use crate::cli::columns::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{Fault, Output};
use crate::jose::inspect::{Form, Inspection, Payload, inspect};
use crate::report::Paint;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was read, sound or not, 2 a mistake in flags or files")]
pub struct Decode {
    /// File with the token, or with a line `Authorization: Bearer …`; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Decode {
    /// Exits with 0 whatever the token is like: nothing was asked of it.
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        let seen = inspect(&input::token(&self.file)?, now());
        out.print(&match self.format {
            Format::Text => page(&seen, out.paint),
            Format::Json => {
                let value =
                    serde_json::to_value(&seen).map_err(|error| Fault::World(error.to_string()))?;
                format!("{value:#}\n")
            }
        });
        Ok(Exit::Conforms)
    }
}

struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn heading(&mut self, words: &str) {
        let bold = anstyle::Style::new().bold();
        let _ = match self.paint {
            Paint::Plain => writeln!(self.text, "{words}"),
            Paint::Colour => writeln!(self.text, "{bold}{words}{bold:#}"),
        };
    }

    fn line(&mut self, words: &str) {
        let _ = writeln!(self.text, "  {}", visible(words));
    }

    fn members(&mut self, members: &Map<String, Value>) {
        let value = Value::Object(members.clone());
        for line in format!("{value:#}").lines() {
            self.line(line);
        }
    }
}

fn page(seen: &Inspection, paint: Paint) -> String {
    let mut page = Page {
        text: String::new(),
        paint,
    };
    let kind = match seen.form {
        Form::Jws => "signed token (JWS)",
        Form::Jwe => "encrypted token (JWE)",
        Form::Json => "token in JSON serialisation; its first signature is shown",
    };
    let lengths: Vec<String> = seen.segments.iter().map(ToString::to_string).collect();
    page.heading(kind);
    page.line(&format!(
        "{} octets, segments of {}",
        seen.octets,
        lengths.join(", ")
    ));
    page.heading("header");
    match &seen.header {
        Some(header) => page.members(header),
        None => page.line("cannot be read"),
    }
    if let Some(key) = &seen.embedded_key {
        page.heading("embedded key");
        match &key.thumbprint {
            Some(thumbprint) => page.line(&format!("thumbprint {thumbprint}")),
            None => page.line("no sound public key"),
        }
    }
    match &seen.payload {
        Some(Payload::Claims(claims)) => {
            page.heading("claims");
            page.members(claims);
        }
        Some(Payload::Text(text)) => {
            page.heading("payload, which is no claims set");
            text.lines().for_each(|line| page.line(line));
        }
        Some(Payload::Octets(length)) => {
            page.heading("payload");
            page.line(&format!("{length} octets that are no text"));
        }
        None if seen.form == Form::Jwe => {
            page.heading("payload");
            page.line("encrypted");
        }
        None => {}
    }
    if !seen.times.is_empty() {
        page.heading("times");
        for time in &seen.times {
            let date = time.date.as_deref().unwrap_or("no date");
            page.line(&format!("{:10} {date}  {}", time.claim, time.says));
        }
    }
    page.heading("signature");
    page.line(&match seen.signature_octets {
        _ if seen.form == Form::Jwe => "none: encrypted tokens are not signed".to_owned(),
        None => "none".to_owned(),
        Some(0) => "empty".to_owned(),
        Some(octets) => format!("{octets} octets, not verified here"),
    });
    page.heading(if seen.strict && seen.findings.is_empty() {
        "form: sound"
    } else if seen.strict {
        "form: sound as a JWS, but no JWT"
    } else {
        "form: a strict reader refuses it"
    });
    for finding in &seen.findings {
        page.line(&format!("- {}", finding.says));
    }
    if !seen.weak_points.is_empty() {
        page.heading("weak points");
        for point in &seen.weak_points {
            page.line(&format!("- {} ({})", point.says, point.source));
        }
    }
    page.text
}
