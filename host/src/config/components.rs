//! `[runtime]` and `[components.*]`: which components run and how much
//! each of them may use.
//!
//! Two bounds stand above one another: all components together have
//! `runtime.max-instances`, and each of them at most its own `instances`.

use std::path::PathBuf;
use std::time::Duration;

use super::at::At;
use super::format::{Count, Flag, Format, Size, Time};
use super::link::LinkRole;
use super::path::Location;
use super::section::Section;

/// Limits of all components together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Component calls at the same time. A request through both components takes two.
    pub max_instances: u32,
    /// Requests that may wait for an instance; one more is answered `busy`.
    pub queue: usize,
    /// How often running guests are interrupted to look at their deadline.
    pub epoch_tick: Duration,
}

/// The components of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Whether a component without a signature is refused.
    pub require_signatures: bool,
    /// Answers HTTP; none on a back tier.
    pub auth_service: Option<Component>,
    /// The largest HTTP response of auth-service, in bytes.
    pub response_bytes: usize,
    /// The path that a revision of auth-service must answer with 200 before it
    /// gets traffic.
    pub probe: String,
    /// Runs the ceremonies; none on a front tier.
    pub passkey_manager: Option<Component>,
}

/// One component and the limits of each of its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The component in WebAssembly's binary format.
    pub file: PathBuf,
    /// Its signature; none for the file's name with `.minisig` behind it.
    pub signature: Option<PathBuf>,
    /// All linear memories of one instance together, in bytes.
    pub memory: usize,
    /// All tables of one instance together, in elements.
    pub table_elements: usize,
    /// Wall clock of one call.
    pub deadline: Duration,
    /// What one call to the host may carry into the guest or out of it, in bytes.
    pub hostcall_bytes: usize,
    /// Standard output, standard error and log of one call together, in bytes.
    pub output_bytes: usize,
    /// Instances of this component at the same time.
    pub instances: u32,
}

// === impl Components ===

impl Components {
    /// Those that this host runs.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.auth_service.iter().chain(&self.passkey_manager)
    }

    /// What one call to the host may carry, in bytes: the most of all components.
    pub fn hostcall_bytes(&self) -> usize {
        self.iter()
            .map(|component| component.hostcall_bytes)
            .max()
            .unwrap_or_default()
    }
}

// === impl Component ===

impl Component {
    /// Where its signature is looked for.
    pub fn signature_file(&self) -> PathBuf {
        self.signature.clone().unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".minisig");
            name.into()
        })
    }
}

/// The path of a URL.
struct UrlPath;

impl Format for UrlPath {
    type Value = String;

    fn expected(&self) -> String {
        "the path of a URL, such as \"/openapi.json\"".to_owned()
    }

    fn read(&self, at: &At<'_>) -> Option<String> {
        let is_path =
            |text: &&str| text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
        match at.value().as_str().filter(is_path) {
            Some(path) => Some(path.to_owned()),
            None => at.refuse(&self.expected(), None),
        }
    }
}

pub(super) fn read_runtime(section: &mut Section<'_>) -> Option<Runtime> {
    // A request through both components holds one instance while it waits for
    // the other: fewer than two could never finish it.
    let max_instances = section.or("max-instances", "64", Count(2..=10_000));
    let queue = section.or("queue", "256", Count(0..=1_000_000));
    let tick = Time(Duration::from_millis(1)..=Duration::from_secs(1));
    let epoch_tick = section.or("epoch-tick", r#""2ms""#, tick);
    Some(Runtime {
        max_instances: max_instances?,
        queue: queue?,
        epoch_tick: epoch_tick?,
    })
}

/// The components of a host of this role.
pub(super) fn read(
    section: &mut Section<'_>,
    runtime: Option<&Runtime>,
    role: LinkRole,
) -> Option<Components> {
    let require_signatures = section.or("require-signatures", "true", Flag);
    let auth_service = run_here(section, "auth-service", role != LinkRole::Back, |section| {
        let component = read_component(section, runtime);
        let size = Size(1 << 10..=64 << 20);
        let response_bytes = section.or("response-bytes", r#""256KiB""#, size);
        let probe = section.or("probe", r#""/openapi.json""#, UrlPath);
        Some((component?, response_bytes?, probe?))
    });
    let here = role != LinkRole::Front;
    let passkey_manager = run_here(section, "passkey-manager", here, |section| {
        read_component(section, runtime)
    });
    let (auth_service, http) = match auth_service? {
        Some((component, response_bytes, probe)) => {
            (Some(component), Some((response_bytes, probe)))
        }
        None => (None, None),
    };
    let (response_bytes, probe) = http.unwrap_or_default();
    Some(Components {
        require_signatures: require_signatures?,
        auth_service,
        response_bytes,
        probe,
        passkey_manager: passkey_manager?,
    })
}

/// A component's section, which a host that does not run it must not have.
fn run_here<'a, T>(
    section: &mut Section<'a>,
    name: &'static str,
    here: bool,
    read: impl FnOnce(&mut Section<'a>) -> Option<T>,
) -> Option<Option<T>> {
    if here {
        return section.section(name, read).map(Some);
    }
    if section.optional_section(name, read)?.is_some() {
        let expected = "no such section: the other tier runs this component (link.role)";
        section.refuse(name, None, expected);
        return None;
    }
    Some(None)
}

fn read_component(section: &mut Section<'_>, runtime: Option<&Runtime>) -> Option<Component> {
    let file = section.required("file", Location::File("a WebAssembly component"));
    let signature = section.optional("signature", Location::File("a minisign signature"));
    let memory = section.or("memory", r#""32MiB""#, Size(1 << 20..=4 << 30));
    let table_elements = section.or("table-elements", "10000", Count(1..=10_000_000));
    let deadline = Time(Duration::from_millis(10)..=Duration::from_secs(600));
    let deadline = section.or("deadline", r#""2s""#, deadline);
    let hostcall_bytes = section.or("hostcall-bytes", r#""1MiB""#, Size(1 << 10..=1 << 30));
    let output_bytes = section.or("output-bytes", r#""16KiB""#, Size(0..=16 << 20));
    let instances = section.or("instances", "32", Count(1..=10_000));
    if let (Some(instances), Some(runtime)) = (instances, runtime)
        && instances > runtime.max_instances
    {
        let most = runtime.max_instances;
        let expected = format!("at most runtime.max-instances, which is {most}");
        section.refuse("instances", None, &expected);
    }
    Some(Component {
        file: file?,
        signature: signature?,
        memory: memory?,
        table_elements: table_elements?,
        deadline: deadline?,
        hostcall_bytes: hostcall_bytes?,
        output_bytes: output_bytes?,
        instances: instances?,
    })
}
