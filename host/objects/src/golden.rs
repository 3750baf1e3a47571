//! Golden cases: a question, and the answer that a policy is to give. A folder of them is how a policy's author holds it to its word.
//!
//! A case is a file `NAME.json`: `{"shows": "...", "config": {...}, "facts": {"kind": ..., "facts": {...}}, "answer": ...}`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluator, Refusal},
    facts::Facts,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, as a sentence.
    #[serde(default)]
    pub shows: String,
    /// Of the policy. Absent: the empty one.
    #[serde(default = "empty")]
    pub config: Value,
    /// As its author wrote it, so that recording an answer leaves the question alone.
    pub facts: Value,
    /// None: not recorded yet.
    #[serde(default)]
    pub answer: Option<Answer>,
}

/// What a policy says; its log and its cost are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    Decision(Decision),
    Refusal(Refusal),
}

#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` is no golden case; hint: {{\"facts\": {{\"kind\": ..., \"facts\": {{...}}}}, \"config\": {{...}}}}", path.display())]
    Case { path: PathBuf, source: serde_json::Error },
    #[error("`{}` holds no facts", path.display())]
    Facts { path: PathBuf, source: serde_json::Error },
}

/// A case where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    pub path: PathBuf,
    pub case: Case,
    pub facts: Facts,
}

/// The files `*.json` of a folder in the order of their names, each read or told why not.
pub fn folder(folder: &Path) -> Result<Vec<Result<Golden, GoldenError>>, GoldenError> {
    let unreadable = |source| GoldenError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(Golden::read).collect())
}

impl Golden {
    pub fn read(path: PathBuf) -> Result<Golden, GoldenError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(GoldenError::Read { path, source }),
        };
        let case: Case = match serde_json::from_str(&text) {
            Ok(case) => case,
            Err(source) => return Err(GoldenError::Case { path, source }),
        };
        match serde_json::from_value(case.facts.clone()) {
            Ok(facts) => Ok(Golden { path, case, facts }),
            Err(source) => Err(GoldenError::Facts { path, source }),
        }
    }

    /// What the policy answers now.
    pub fn answered(&self, policy: &dyn Evaluator) -> Answer {
        match policy.evaluate(&self.case.config.to_string(), &self.facts).outcome {
            Ok(decision) => Answer::Decision(decision),
            Err(refusal) => Answer::Refusal(refusal),
        }
    }

    /// Puts an answer into the file.
    pub fn record(&self, answer: Answer) -> Result<(), GoldenError> {
        let case = Case { answer: Some(answer), ..self.case.clone() };
        fs::write(&self.path, text(&case)).map_err(|source| GoldenError::Write { path: self.path.clone(), source })
    }
}

/// As golden files are written: two answers are one when their texts are.
pub fn text(value: &impl Serialize) -> String {
    // Maps with keys of text, numbers and texts: nothing that JSON cannot say.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn empty() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use nicety_core::decision::Denial;

    use super::*;

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn cases_come_in_the_order_of_their_names_and_each_says_what_is_wrong_with_it() {
        let good = r#"{"facts": {"kind": "attach", "facts": {}}}"#;
        let files = [("b.json", good), ("a.json", "{"), ("c.json", r#"{"facts": {"kind": "what"}}"#), ("notes.md", "")];
        let written = written(&files);
        let found = folder(written.path()).unwrap();
        let said: Vec<String> =
            found.iter().map(|one| one.as_ref().map_or_else(ToString::to_string, |_| String::new())).collect();
        assert_eq!(said.len(), 3);
        assert!(said[0].contains("a.json` is no golden case"), "{}", said[0]);
        assert_eq!(said[1], "");
        assert!(said[2].ends_with("c.json` holds no facts"), "{}", said[2]);
    }

    #[test]
    fn a_missing_folder_is_told() {
        let error = folder(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `/nowhere/at/all`");
    }

    #[test]
    fn recording_an_answer_leaves_the_question_alone() {
        let written =
            written(&[("a.json", r#"{"shows": "it", "facts": {"kind": "attach", "facts": {"pod": {"name": "x"}}}}"#)]);
        let golden = Golden::read(written.path().join("a.json")).unwrap();
        let answer = Answer::Refusal(Refusal::Denied(Denial { code: "no".into(), ..Denial::default() }));
        golden.record(answer.clone()).unwrap();
        let after = Golden::read(golden.path.clone()).unwrap();
        assert_eq!((&after.case.facts, &after.case.shows), (&golden.case.facts, &golden.case.shows));
        assert_eq!(after.case.answer, Some(answer));
    }
}
