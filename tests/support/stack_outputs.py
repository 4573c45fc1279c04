"""The outputs of a deployed stack that the Platform block is made from."""

OUTPUTS = {
    "Region": "eu-west-1",
    "Lake": "s3://lake/lake",
    "Raw": "s3://raw/raw",
    "JobName": "churn",
    "CatalogPrefix": "churn_",
    "AthenaWorkgroup": "churn",
    "RawCrawlerName": "churn-raw",
    "RawDatabase": "churn_raw",
    "ArrivalsQueue": "https://sqs/churn",
    "AlertsTopic": "arn:aws:sns:eu-west-1:1:alerts",
    "CopyRoleArn": "arn:aws:iam::1:role/copy",
    "WarehouseDatabase": "telecom_churn",
    "WarehouseHost": "churn-1a.redshift",
    "WarehouseWorkgroup": "churn-1a",
    "LoaderSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:loader",
    "ReaderSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:reader",
}
