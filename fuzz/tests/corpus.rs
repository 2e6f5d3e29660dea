//! Every target on its saved corpus, and on some mutations of it.

use std::collections::BTreeSet;
use std::path::Path;

use fuzz::{Budget, Corpus, TARGETS, run};

/// The same ones in every run.
const SEED: u64 = 1;

#[test]
fn every_target_takes_its_corpus_and_mutations_of_it() {
    for target in TARGETS {
        let corpus = Corpus::load(target.name).expect("every target has a corpus");
        assert!(!corpus.inputs.is_empty(), "{} has no corpus", target.name);
        let outcome = run(target, &corpus, SEED, Budget::Mutations(target.mutations));
        if let Err(failure) = outcome {
            let input = failure.input.escape_ascii();
            panic!("{} failed at {}: {input}", target.name, failure.from);
        }
    }
}

#[test]
fn every_target_has_a_program_for_libfuzzer_and_no_corpus_is_left_over() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |directory: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root.join(directory)).expect("the directory is there");
        let path = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("it is listed").path();
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        entries.filter_map(|entry| stem(&path(entry))).collect()
    };
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz_targets"), targets);
}
