//! `weir tls`: certificates for development.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use runtime::{Clock, SystemClock};

use crate::exit::Exit;
use crate::output;

/// Where the pair is for: this machine, by each of its names.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Longest that browsers and Apple's platforms believe a certificate.
const DAYS: i64 = 825;

/// Arguments of `weir tls`.
#[derive(Args)]
pub(crate) struct TlsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key and a certificate that it signs itself, for development
    SelfSigned(SelfSignedArgs),
}

/// Arguments of `weir tls self-signed`.
#[derive(Args)]
#[command(after_help = "\
The pair is certificate.pem and key.pem. Clients must be told to trust the certificate, which
stands for localhost, 127.0.0.1, ::1 and every --host.

Examples:
  weir tls self-signed --out tls --host weir.example
  weir serve --set tls.certificate=tls/certificate.pem --set tls.key=tls/key.pem
  AWS_CA_BUNDLE=tls/certificate.pem weir streams list --endpoint https://localhost:4567")]
struct SelfSignedArgs {
    /// The directory to write to; made if it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// One more name or address that clients connect to; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Replace a pair that is there
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &TlsArgs) -> anyhow::Result<Exit> {
    let Action::SelfSigned(args) = &args.action;
    let key = KeyPair::generate()?;
    let certificate = params(&args.hosts)?.self_signed(&key)?;
    let (certificate_path, key_path) = (args.out.join("certificate.pem"), args.out.join("key.pem"));
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make {}", args.out.display()))?;
    write(&key_path, &key.serialize_pem(), 0o600, args.force)?;
    write(&certificate_path, &certificate.pem(), 0o644, args.force)?;
    output::line(format_args!(
        "certificate {}\nkey         {}",
        certificate_path.display(),
        key_path.display()
    ))?;
    Ok(Exit::Done)
}

fn params(hosts: &[String]) -> anyhow::Result<CertificateParams> {
    let names = LOCAL.into_iter().map(str::to_owned).chain(hosts.iter().cloned());
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())
        .context("a --host is neither a name nor an address")?;
    params.distinguished_name.push(DnType::CommonName, "weir self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let now = i64::try_from(SystemClock.now().as_seconds())?;
    let today = Offset::UTC.to_datetime(Timestamp::from_second(now)?).date();
    let midnight = |date: Date| {
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        date_time_ymd(date.year().into(), month, day)
    };
    // Yesterday, for machines whose clocks are behind.
    params.not_before = midnight(today.checked_sub(1.day())?);
    params.not_after = midnight(today.checked_add((DAYS - 2).days())?);
    Ok(params)
}

/// Writes a new file that only has the rights of `mode`, whatever was there before.
fn write(path: &Path, text: &str, mode: u32, replace: bool) -> anyhow::Result<()> {
    if replace {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", path.display()));
            }
            _ => {}
        }
    }
    let failed = || format!("cannot write {} (--force replaces a pair)", path.display());
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).with_context(failed)
}
