//! `nicety policy schema`: JSON Schema of a policy's config, and of our own file forms.

use anyhow::Context;
use nicety_core::{decision::Decision, evaluate::Evaluator, facts::Facts};
use nicety_objects::{schema, strategies::StrategiesSpec};
use serde_json::Value;

use super::loaded;
use crate::{
    args::{Form, PolicySchema},
    text::say,
};

pub(super) fn run(arguments: &PolicySchema) -> anyhow::Result<()> {
    let schema: Value = match (&arguments.module, arguments.of) {
        (Some(named), _) => {
            let policy = loaded::policy(named)?;
            let text = &policy.description().config_schema;
            serde_json::from_str(text).with_context(|| format!("the config schema of `{named}` is not JSON"))?
        }
        (None, Some(Form::Facts)) => schema::of::<Facts>(),
        (None, Some(Form::Decision)) => schema::of::<Decision>(),
        (None, Some(Form::Strategies)) => schema::of::<StrategiesSpec>(),
        (None, None) => anyhow::bail!("name a module, or a form by `--of`"),
    };
    say(&serde_json::to_string_pretty(&schema)?);
    Ok(())
}
