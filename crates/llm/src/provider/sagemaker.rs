//! Amazon SageMaker: endpoints of one's own whose containers speak Chat Completions, as those of AWS's LMI, vLLM and TGI do.
//!
//! <https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html>; the model is the name of the
//! endpoint. A streamed answer comes in AWS's binary messages, whose payloads are the container's own events.

use super::{
    Ask, Auth, BadAnswer, Cloud, Failure, Head, Operation, Place, Provider, Wire,
    bedrock::{aws_address, aws_failure},
    escape,
};
use crate::dialect::Dialect;

/// Amazon SageMaker.
pub struct SageMaker;

impl Provider for SageMaker {
    fn id(&self) -> &'static str {
        "sagemaker"
    }

    fn speaks(&self, operation: Operation, _model: &str) -> &'static [Wire] {
        match operation {
            Operation::Chat => &[Wire::Chat(Dialect::OpenAiChat)],
            _ => &[],
        }
    }

    fn base_url(&self) -> Option<&'static str> {
        Some("https://runtime.sagemaker.{region}.amazonaws.com")
    }

    fn address(&self, place: &Place) -> Result<Option<String>, &'static str> {
        aws_address(self, place)
    }

    fn wants(&self) -> &'static [&'static str] {
        &["region"]
    }

    fn key_env(&self) -> Option<&'static str> {
        None
    }

    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    fn cloud(&self) -> Option<Cloud> {
        Some(Cloud::Aws)
    }

    fn head(&self, ask: &Ask<'_>) -> Head {
        let method = if ask.stream { "invocations-response-stream" } else { "invocations" };
        Head { path: format!("/endpoints/{}/{method}", escape(ask.model)).into(), ..Head::default() }
    }

    fn failure(&self, bad: &BadAnswer<'_>) -> Failure {
        aws_failure(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_endpoint_and_manner() {
        let place = Place { region: Some("eu-west-1".into()), ..Place::default() };
        let path = |stream| {
            let ask = Ask { wire: Wire::Chat(Dialect::OpenAiChat), model: "my endpoint", stream, place: &place };
            SageMaker.head(&ask).path.into_owned()
        };
        assert_eq!(path(false), "/endpoints/my%20endpoint/invocations");
        assert_eq!(path(true), "/endpoints/my%20endpoint/invocations-response-stream");
        assert_eq!(SageMaker.address(&place), Ok(Some("https://runtime.sagemaker.eu-west-1.amazonaws.com".into())));
    }
}
