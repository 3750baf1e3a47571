//! Manifests of other systems as ours, with a report of what has no equivalent. Text in, text out: no files, no API server.
