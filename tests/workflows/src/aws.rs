//! The few calls of Step Functions, SNS and SQS that the scenarios need, as moto takes them: it checks no signature.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

const REGION: &str = "us-east-1";

/// A client of moto.
#[derive(Clone)]
pub(crate) struct Aws {
    http: reqwest::Client,
    url: String,
}

impl Aws {
    /// A client of the server at `url`.
    pub(crate) fn new(http: reqwest::Client, url: String) -> Self {
        Self { http, url }
    }

    /// Makes moto execute state machines instead of only listing them. Fails while the server is not up.
    pub(crate) async fn execute_state_machines(&self) -> Result<(), reqwest::Error> {
        let config = json!({"stepfunctions": {"execute_state_machine": true}});
        self.http.post(format!("{}/moto-api/config", self.url)).json(&config).send().await?.error_for_status()?;
        Ok(())
    }

    async fn json(&self, service: &str, target: &str, body: Value) -> Result<Value, String> {
        let request = self.http.post(&self.url).header("x-amz-target", target).header("authorization", scope(service));
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let answer = request.send().await.map_err(|error| format!("{target}: {error}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{target}: {error}"))?;
        match serde_json::from_str(&text) {
            Ok(value) if status.is_success() => Ok(value),
            _ => Err(format!("{target}: {status}: {text}")),
        }
    }

    async fn step_functions(&self, action: &str, body: Value) -> Result<Value, String> {
        self.json("states", &format!("AWSStepFunctions.{action}"), body).await
    }

    async fn sqs(&self, action: &str, body: Value) -> Value {
        self.json("sqs", &format!("AmazonSQS.{action}"), body).await.expect("SQS answers")
    }

    async fn sns(&self, parameters: &[(&str, &str)]) {
        let form = reqwest::Url::parse_with_params(&self.url, parameters).expect("a URL");
        let request = self.http.post(&self.url).header("authorization", scope("sns"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form.query().unwrap_or_default().to_owned()).send().await.expect("SNS answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// The sum of a metric of ours with this dimension, as an alarm sees it.
    pub(crate) async fn metric(&self, name: &str, machine: &str) -> f64 {
        let form = reqwest::Url::parse_with_params(
            &self.url,
            [
                ("Action", "GetMetricStatistics"),
                ("Namespace", "JumpCloudPlaybooks"),
                ("MetricName", name),
                ("Dimensions.member.1.Name", "StateMachine"),
                ("Dimensions.member.1.Value", machine),
                ("StartTime", "2020-01-01T00:00:00Z"),
                ("EndTime", "2120-01-01T00:00:00Z"),
                ("Period", "315360000"),
                ("Statistics.member.1", "Sum"),
            ],
        )
        .expect("a URL");
        let request = self.http.post(&self.url).header("authorization", scope("monitoring"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer =
            request.body(form.query().unwrap_or_default().to_owned()).send().await.expect("CloudWatch answers");
        let text = answer.text().await.expect("an answer");
        let sums = text.split("<Sum>").skip(1).filter_map(|rest| rest.split('<').next()?.parse::<f64>().ok());
        sums.sum()
    }

    /// A topic with a queue that gets its messages as they are: the topic's ARN and the queue's URL.
    pub(crate) async fn topic(&self, name: &str) -> (String, String) {
        let topic = format!("arn:aws:sns:{REGION}:123456789012:{name}");
        self.sns(&[("Action", "CreateTopic"), ("Name", name)]).await;
        let queue =
            self.sqs("CreateQueue", json!({"QueueName": name})).await["QueueUrl"].as_str().expect("a URL").to_owned();
        self.sns(&[
            ("Action", "Subscribe"),
            ("TopicArn", &topic),
            ("Protocol", "sqs"),
            ("Endpoint", &format!("arn:aws:sqs:{REGION}:123456789012:{name}")),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
        ])
        .await;
        (topic, queue)
    }

    /// A message that is in the queue now; it leaves it.
    pub(crate) async fn receive(&self, queue: &str) -> Option<String> {
        let answer = self.sqs("ReceiveMessage", json!({"QueueUrl": queue})).await;
        let message = answer["Messages"].get(0)?;
        self.sqs("DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]})).await;
        message["Body"].as_str().map(str::to_owned)
    }

    /// Creates a state machine and returns its ARN.
    pub(crate) async fn create(&self, name: &str, definition: &str) -> Result<String, String> {
        let role = "arn:aws:iam::123456789012:role/workflow";
        let body = json!({"name": name, "definition": definition, "roleArn": role});
        let created = self.step_functions("CreateStateMachine", body).await?;
        Ok(created["stateMachineArn"].as_str().expect("an ARN").to_owned())
    }

    /// Starts an execution and returns its ARN.
    pub(crate) async fn start(&self, machine: &str, name: &str, input: &Value) -> String {
        let body = json!({"stateMachineArn": machine, "name": name, "input": input.to_string()});
        let started = self.step_functions("StartExecution", body).await.expect("the execution starts");
        started["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Every execution of a machine.
    pub(crate) async fn executions(&self, machine: &str) -> Vec<String> {
        let listed = self.step_functions("ListExecutions", json!({"stateMachineArn": machine})).await;
        let listed = listed.expect("the executions are listed");
        let arn = |execution: &Value| execution["executionArn"].as_str().expect("an ARN").to_owned();
        listed["executions"].as_array().into_iter().flatten().map(arn).collect()
    }

    /// An execution's `status`, `output`, `error` and `cause`.
    pub(crate) async fn describe(&self, execution: &str) -> Value {
        let body = json!({"executionArn": execution});
        self.step_functions("DescribeExecution", body).await.expect("the execution is described")
    }

    /// All events of an execution so far.
    pub(crate) async fn history(&self, execution: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut body = json!({"executionArn": execution, "maxResults": 1000});
        loop {
            let page = self.step_functions("GetExecutionHistory", body.clone()).await.expect("a history");
            events.extend(page["events"].as_array().cloned().unwrap_or_default());
            match &page["nextToken"] {
                Value::Null => return events,
                token => body["nextToken"] = token.clone(),
            }
        }
    }

    /// `send-task-success`, or `send-task-failure` with this error.
    pub(crate) async fn answer(&self, token: &str, answer: Result<Value, &str>) -> Result<(), String> {
        let (action, body) = match answer {
            Ok(output) => ("SendTaskSuccess", json!({"taskToken": token, "output": output.to_string()})),
            Err(error) => ("SendTaskFailure", json!({"taskToken": token, "error": error})),
        };
        let mut tries = 0;
        while let Err(error) = self.step_functions(action, body.clone()).await {
            // moto looks for the token in all executions, and stumbles over one that is just starting.
            tries += 1;
            if tries == 20 || !error.contains(": 500") {
                return Err(error);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

/// What moto reads the service and the region from.
fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=rehearsal/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}
