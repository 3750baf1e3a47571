//! A member's manifest without its workspace. It reads the shapes that our manifests have, line by line, and refuses others.

/// The manifest with every `workspace = true` replaced by what the workspace says there. Its lints go: they are about how we write.
pub fn alone(manifest: &str, workspace: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut table = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            table = line;
        }
        if table != "[lints]" {
            text += &resolved(line, table, workspace)?;
            text.push('\n');
        }
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn resolved(line: &str, table: &str, workspace: &str) -> Result<String, String> {
    let said_by = if table == "[package]" { "[workspace.package]" } else { "[workspace.dependencies]" };
    let shared = |key: &str| value(workspace, said_by, key).ok_or_else(|| format!("`{said_by}` has no `{key}`"));
    if let Some(key) = line.strip_suffix(".workspace = true") {
        return Ok(format!("{key} = {}", shared(key)?));
    }
    let Some((key, more)) = line.split_once(" = { workspace = true, ") else {
        return if line.contains("workspace = true") {
            Err(format!("`{line}` has no known shape"))
        } else {
            Ok(line.to_owned())
        };
    };
    let known = || format!("`{line}` has no known shape");
    let features = more.strip_suffix(" }").and_then(list).ok_or_else(known)?;
    let shared = shared(key)?;
    let (before, of_all) = match shared.strip_suffix(" }").and_then(|table| table.split_once("features = [")) {
        Some((before, of_all)) => (before.to_owned(), of_all.trim_end_matches(']').to_owned() + ", "),
        None if shared.starts_with('{') => (shared.trim_end_matches(" }").to_owned() + ", ", String::new()),
        None => (format!("{{ version = {shared}, "), String::new()),
    };
    Ok(format!("{key} = {before}features = [{of_all}{features}] }}"))
}

/// The inside of `features = [...]`.
fn list(text: &str) -> Option<&str> {
    text.strip_prefix("features = [")?.strip_suffix(']')
}

/// The value of a key in a table.
fn value<'text>(manifest: &'text str, table: &str, key: &str) -> Option<&'text str> {
    let lines = manifest.lines().skip_while(|line| *line != table).skip(1).take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" = ")).find(|(known, _)| *known == key).map(|(_, value)| value)
}
