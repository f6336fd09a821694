//! Models as processes (OGC API - Processes, Part 1: Core, OGC 18-062r2): described, executed at
//! once or as jobs, watched, cancelled.
//!
//! A process is data: names, schemas made from the types of its inputs and outputs, and a function.
//! The functions stand in `catalogue`; nothing else knows a model.

mod catalogue;
mod error;
mod http;
mod job;
mod queue;
#[cfg(test)]
mod tests;

use conurb_base::Problem;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(crate) use error::ProcessError;
pub(crate) use http::router;
pub(crate) use job::Run;
pub(crate) use queue::Queue;

/// A model that can be executed.
pub(crate) struct Process {
    /// Its id, e.g. `region.gravity`.
    pub(crate) id: &'static str,
    /// Version; a change of behaviour is a change of version.
    pub(crate) version: &'static str,
    /// What it is, in a line.
    pub(crate) title: &'static str,
    /// What it computes, and after whom.
    pub(crate) description: &'static str,
    inputs: fn() -> Value,
    outputs: fn() -> Value,
    run: fn(Value, &Run) -> Result<Value, Problem>,
}

impl Process {
    /// A process from the schemas of its types and its function.
    pub(crate) const fn new<I: JsonSchema, O: JsonSchema>(
        id: &'static str,
        title: &'static str,
        description: &'static str,
        run: fn(Value, &Run) -> Result<Value, Problem>,
    ) -> Self {
        Self {
            id,
            version: "1.0.0",
            title,
            description,
            inputs: schema_of::<I>,
            outputs: schema_of::<O>,
            run,
        }
    }

    /// A process whose one output, `result`, is the model's own document.
    const fn model<I: JsonSchema>(
        id: &'static str,
        title: &'static str,
        description: &'static str,
        run: fn(Value, &Run) -> Result<Value, Problem>,
    ) -> Self {
        Self::new::<I, Document>(id, title, description, run)
    }

    /// The summary of the process list (clause 7.9).
    pub(crate) fn summary(&self) -> Value {
        json!({
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "description": self.description,
            "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
            "outputTransmission": ["value"],
            "links": [{
                "href": format!("/ogc/processes/{}", self.id),
                "rel": "self",
                "type": "application/json",
            }],
        })
    }

    /// The whole description (clause 7.10): each input and output with its JSON Schema.
    pub(crate) fn description(&self) -> Value {
        let mut whole = self.summary();
        whole["inputs"] = members(&(self.inputs)(), true);
        whole["outputs"] = members(&(self.outputs)(), false);
        whole["links"] = json!([{
            "href": format!("/ogc/processes/{}/execution", self.id),
            "rel": "http://www.opengis.net/def/rel/ogc/1.0/execute",
            "title": "Execute",
        }]);
        whole
    }

    /// Computes.
    pub(crate) fn run(&self, inputs: Value, run: &Run) -> Result<Value, Problem> {
        (self.run)(inputs, run)
    }
}

/// Every process of this build, by id.
pub(crate) fn all() -> &'static [Process] {
    catalogue::ALL
}

/// The process of this id.
pub(crate) fn find(id: &str) -> Result<&'static Process, ProcessError> {
    all()
        .iter()
        .find(|p| p.id == id)
        .ok_or_else(|| ProcessError::NoProcess {
            id: id.to_owned(),
            hint: conurb_base::nearest(id, all().iter().map(|p| p.id))
                .map_or_else(String::new, |known| format!("; did you mean \"{known}\"?")),
        })
}

/// The output of [`Process::model`].
#[derive(JsonSchema, Serialize)]
struct Document {
    /// The model's result; its members are described in docs/region and docs/transit.
    result: Value,
}

/// Reads the inputs, calls the model, writes its result.
fn document<I: DeserializeOwned, O: Serialize, E: conurb_base::Coded>(
    inputs: Value,
    model: impl FnOnce(I) -> Result<O, E>,
) -> Result<Value, Problem> {
    use conurb_base::Coded as _;
    typed(inputs, |inputs| {
        let result = model(inputs).map_err(|e| e.problem())?;
        let result = serde_json::to_value(result)
            .map_err(|e| ProcessError::Output(e.to_string()).problem())?;
        Ok(Document { result })
    })
}

/// Reads the inputs, calls the model, writes its outputs.
fn typed<I: DeserializeOwned, O: Serialize>(
    inputs: Value,
    model: impl FnOnce(I) -> Result<O, Problem>,
) -> Result<Value, Problem> {
    use conurb_base::Coded as _;
    let inputs = serde_path_to_error::deserialize(inputs)
        .map_err(|e| ProcessError::Input(format!("{}: {}", e.path(), e.inner())).problem())?;
    let outputs = model(inputs)?;
    serde_json::to_value(outputs).map_err(|e| ProcessError::Output(e.to_string()).problem())
}

fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// The properties of an object schema, each described on its own.
fn members(schema: &Value, inputs: bool) -> Value {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut out = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut property = property.clone();
        let text = property
            .as_object_mut()
            .and_then(|p| p.remove("description"))
            .unwrap_or(Value::Null);
        let mut member = json!({ "title": name, "description": text, "schema": property });
        if inputs {
            member["minOccurs"] = json!(u8::from(required.contains(&name.as_str())));
        }
        out.insert(name.clone(), member);
    }
    Value::Object(out)
}
