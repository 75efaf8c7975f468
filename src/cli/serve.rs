//! `proofmark serve`: a reference deployment on its own.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::interrupt::asked_to_end;
use super::output::{Fault, Output};
use super::source::contract;
use crate::reference::{Deployment, Settings};

#[derive(Debug, Args)]
pub struct Serve {
    /// Which deployment, such as reference:http-api
    #[arg(value_name = "reference:CONTRACT")]
    deployment: String,
    /// Switch on a flaw
    #[arg(long = "flaw", value_name = "NAME")]
    flaws: Vec<String>,
    /// Port for https; plain HTTP is on the next one. Without it, any free ports
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Write the target file for it here in place of printing it
    #[arg(long, value_name = "PATH")]
    target_file: Option<PathBuf>,
}

impl Serve {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        let name = self
            .deployment
            .strip_prefix("reference:")
            .unwrap_or(&self.deployment);
        let contract = contract(name)?;
        let flaws = contract
            .catalogue()
            .select(&self.flaws)
            .map_err(|error| Fault::Usage(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::World(format!("no runtime: {error}")))?;
        let _entered = runtime.enter();
        let settings = Settings {
            https_port: self.port.unwrap_or(0),
            plain_port: self.port.map_or(0, |port| port.saturating_add(1)),
            ..Settings::with_limits(contract.limits())
        };
        let deployment = Deployment::start(contract, flaws, settings).map_err(|error| {
            let says = format!("the reference deployment does not start: {error}");
            match self.port {
                // Who names a port can name another.
                Some(port) => Fault::Usage(format!(
                    "{says}; `--port {port}` takes that port and the next one"
                )),
                None => Fault::World(says),
            }
        })?;
        let text = deployment.target_file();
        match &self.target_file {
            Some(path) => {
                std::fs::write(path, text).map_err(|error| Fault::file(path.clone(), error))?;
                out.note(&format!("target file: {}", path.display()));
            }
            None => out.print(&text),
        }
        out.note(&format!(
            "serving {} at {}; Ctrl-C ends it",
            contract.name(),
            deployment.origin()
        ));
        runtime.block_on(async {
            let _ = asked_to_end().await;
        });
        Ok(Exit::Conforms)
    }
}
