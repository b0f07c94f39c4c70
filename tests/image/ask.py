"""Ask a running Coppice two signed questions through boto3: ``ask.py URL KEY-FILE``; exits 0 when both are answered."""

import re
import sys
from pathlib import Path

import boto3


def main() -> None:
    url, key_file = sys.argv[1:]
    exports = dict(re.findall(r"^export (\w+)=['\"]?([^'\"\n]*)", Path(key_file).read_text(), re.MULTILINE))
    session = boto3.Session(
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )
    account = session.client("sts", endpoint_url=url).get_caller_identity()["Account"]
    groups = session.client("autoscaling", endpoint_url=url).describe_auto_scaling_groups()["AutoScalingGroups"]
    assert re.fullmatch(r"\d{12}", account), account
    assert groups == [], groups
    print(f"account {account}, {len(groups)} groups")


if __name__ == "__main__":
    main()
