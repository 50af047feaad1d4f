use http::HeaderValue;

use super::*;

/// 2015-08-30T12:36:00Z
const TIME: i64 = 1_440_938_160;

/// A request signed with a secret of forty times `k`.
fn signed(method: &str, url: &str, scope: (&str, &'static str), body: &[u8], session: Option<&str>) -> Signature {
    let keys = AwsKeys { id: "EXAMPLE".into(), secret: Secret::new("k".repeat(40)), session: session.map(Secret::new) };
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert("x-amzn-trace-id", HeaderValue::from_static("changes on the way"));
    let uri = url.parse().unwrap();
    let signed = Signed { method: &method.parse().unwrap(), uri: &uri, headers: &headers, body };
    sign(&signed, &keys, &Scope::at(&uri, scope.0.into(), scope.1), TIME)
}

/// The signatures are those of `botocore.auth.SigV4Auth` 1.44.5 for the same requests, keys and time.
#[test]
fn signatures_are_those_of_amazons_own_signer() {
    let colon = signed(
        "POST",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        ("us-east-1", "bedrock"),
        br#"{"messages":[]}"#,
        None,
    );
    assert_eq!(colon.date, "20150830T123600Z");
    assert_eq!(
        colon.authorization,
        "AWS4-HMAC-SHA256 Credential=EXAMPLE/20150830/us-east-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=303fe65377f0f797317bc95245c541bfdcd7667571a4161b7048862e3142f1f3"
    );
    let temporary = signed(
        "POST",
        "http://127.0.0.1:8080/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.x.y-v1%3A0/converse-stream",
        ("eu-west-1", "bedrock"),
        "{\"t\":\"Grüße\"}".as_bytes(),
        Some("tok/en=="),
    );
    assert_eq!(
        temporary.authorization,
        "AWS4-HMAC-SHA256 Credential=EXAMPLE/20150830/eu-west-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
         Signature=e6d0de480edf7422c44e97a7fc077bf8ac615aa59210a90c51742a8c17d5b4a6"
    );
    let query = signed(
        "GET",
        "https://runtime.sagemaker.us-west-2.amazonaws.com/a?b=2&a=1&c",
        ("us-west-2", "sagemaker"),
        b"",
        None,
    );
    assert_eq!(
        query.authorization,
        "AWS4-HMAC-SHA256 Credential=EXAMPLE/20150830/us-west-2/sagemaker/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=0f690e4fa1f534af61293a4716d6fc875d1880ac95998761be9dd8d456319297"
    );
}
