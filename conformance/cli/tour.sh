#!/usr/bin/env bash
# A day with the aws CLI: every operation that its users script, with paging, --query, filters, waits and error paths.
# Needs the aws CLI and the AWS_* variables of `coppice.env`; leaves nothing behind. Exit status 1 if any check failed.
set -u
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1

AWS=${AWS_CLI:-aws}
case "$(command "$AWS" --version 2>&1)" in
aws-cli/1.*) REFUSED=255 ;;
*) REFUSED=254 ;;
esac
MARK=tour-$$
COUNT=0 FAILED=0 COMMANDS=0 OUT="" ERR="" STATUS=0
ERRORS=$(mktemp)

# --- the little that a test needs -----------------------------------------------------------------------------------
# The service and operation come first; defaults: text output, stderr kept apart.
aws() {
    COMMANDS=$((COMMANDS + 1))
    OUT=$(command "$AWS" --output "${AS:-text}" "$@" 2>"$ERRORS")
    STATUS=$?
    ERR=$(cat "$ERRORS")
}
ok() {
    COUNT=$((COUNT + 1))
    echo "ok $COUNT - $1"
}
not_ok() {
    COUNT=$((COUNT + 1))
    FAILED=$((FAILED + 1))
    echo "not ok $COUNT - $1"
    shift
    printf '#   %s\n' "${@//$'\n'/ }"
}
# is NAME WANTED: the last command succeeded and said exactly WANTED (tabs and newlines count as blanks).
is() {
    local said
    said=$(printf '%s' "$OUT" | tr '\t\n' '  ')
    if [ "$STATUS" = 0 ] && [ "$said" = "$2" ]; then ok "$1"; else not_ok "$1" "status $STATUS" "wanted: $2" "said:   $said" "error:  $ERR"; fi
}
# like NAME REGEX: the last command succeeded and all it said matches.
like() {
    if [ "$STATUS" = 0 ] && [[ $OUT =~ ^$2$ ]]; then ok "$1"; else not_ok "$1" "status $STATUS" "wanted: $2" "said:   $OUT" "error:  $ERR"; fi
}
# silent NAME: the last command succeeded and said nothing.
silent() { is "$1" ""; }
# refused NAME CODE TEXT: the last command ended with the service's error.
refused() {
    if [ "$STATUS" = "$REFUSED" ] && [[ $ERR == *"($2)"* ]] && [[ $ERR == *"$3"* ]]; then
        ok "$1"
    else
        not_ok "$1" "status $STATUS (wanted $REFUSED)" "wanted: ($2) ... $3" "said:   $OUT" "error:  $ERR"
    fi
}
# becomes NAME WANTED COMMAND...: repeat the command until it says WANTED, at most TRIES times, PAUSE seconds apart.
TRIES=${TRIES:-30} PAUSE=${PAUSE:-0.3}
becomes() {
    local name=$1 wanted=$2 tries=0
    shift 2
    while aws "$@" && [ "$(printf '%s' "$OUT" | tr '\t\n' '  ')" != "$wanted" ] && [ $tries -lt "$TRIES" ]; do
        tries=$((tries + 1))
        sleep "$PAUSE"
    done
    is "$name" "$wanted"
}
IN_SERVICE='AutoScalingGroups[0].Instances[?LifecycleState==`InService`]'
members() { # NAME GROUP COUNT: that many members are in service, and no other
    becomes "$1" "$3 $3" autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$2" \
        --query "[length(AutoScalingGroups[0].Instances), length($IN_SERVICE)]"
}
clean_up() {
    for group in $MARK-web $MARK-old $MARK-x; do
        command "$AWS" autoscaling delete-auto-scaling-group --auto-scaling-group-name $group --force-delete 2>/dev/null
    done
    [ -z "${LONE:-}" ] || command "$AWS" ec2 terminate-instances --instance-ids $LONE >/dev/null 2>&1
    command "$AWS" ec2 delete-launch-template --launch-template-name $MARK-lt >/dev/null 2>&1
    command "$AWS" cloudwatch delete-alarms --alarm-names $MARK-high >/dev/null 2>&1
    rm -f "$ERRORS"
}
trap clean_up EXIT

# --- who and where --------------------------------------------------------------------------------------------------
aws sts get-caller-identity --query Account
like "sts get-caller-identity: an account of 12 digits" '[0-9]{12}'
ACCOUNT=$OUT
aws iam get-user --query User.Arn
like "iam get-user: its ARN lies in the account" "arn:aws:iam::$ACCOUNT:user/.+"
aws ec2 describe-regions --query 'Regions[?RegionName==`us-east-1`].OptInStatus'
is "ec2 describe-regions" "opt-in-not-required"
aws ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName'
is "ec2 describe-availability-zones" "us-east-1a us-east-1b us-east-1c"
aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId'
like "ec2 describe-vpcs: the default one" 'vpc-[0-9a-f]{17}'
VPC=$OUT
aws ec2 describe-subnets --filters Name=vpc-id,Values="$VPC" Name=availability-zone,Values=us-east-1a,us-east-1b \
    --query 'sort_by(Subnets,&AvailabilityZone)[].SubnetId'
like "ec2 describe-subnets: two of its three" 'subnet-[0-9a-f]{17}.subnet-[0-9a-f]{17}'
read -r SUBNET_A SUBNET_B <<<"$OUT"
aws ec2 describe-security-groups --filters Name=vpc-id,Values="$VPC" Name=group-name,Values=default --query 'SecurityGroups[0].GroupId'
like "ec2 describe-security-groups" 'sg-[0-9a-f]{17}'
SECURITY_GROUP=$OUT
aws ec2 describe-images --owners amazon --filters 'Name=name,Values=al2023-ami-2023.*-x86_64' Name=state,Values=available \
    --query 'sort_by(Images, &CreationDate)[-1].ImageId'
like "ec2 describe-images: the newest Amazon Linux 2023" 'ami-[0-9a-f]{17}'
IMAGE=$OUT
aws ec2 describe-images --image-ids ami-00000000000000000
refused "ec2 describe-images: an unknown one" InvalidAMIID.NotFound "The image id '[ami-00000000000000000]' does not exist"
aws ec2 describe-instance-types --instance-types t3.micro --query 'InstanceTypes[0].[VCpuInfo.DefaultVCpus,MemoryInfo.SizeInMiB]'
is "ec2 describe-instance-types" "2 1024"
AS=json aws ec2 describe-instance-types --filters 'Name=instance-type,Values=m5.*' --page-size 5 --max-items 3 --query 'length(InstanceTypes)'
like "ec2 describe-instance-types: three of a page of five" '3'
aws ec2 describe-instance-type-offerings --location-type availability-zone --filters Name=instance-type,Values=t3.micro \
    --query 'sort(InstanceTypeOfferings[].Location)'
is "ec2 describe-instance-type-offerings" "us-east-1a us-east-1b us-east-1c"
aws ec2 describe-key-pairs --key-names nobody
refused "ec2 describe-key-pairs: an unknown one" InvalidKeyPair.NotFound "The key pair 'nobody' does not exist"
aws ec2 describe-account-attributes --attribute-names supported-platforms --query 'AccountAttributes[0].AttributeValues[].AttributeValue'
is "ec2 describe-account-attributes" "VPC"

# --- what the service knows by itself -------------------------------------------------------------------------------
aws autoscaling describe-account-limits --query '[MaxNumberOfAutoScalingGroups,MaxNumberOfLaunchConfigurations]'
is "describe-account-limits" "500 200"
aws autoscaling describe-adjustment-types --query 'AdjustmentTypes[].AdjustmentType'
is "describe-adjustment-types" "ChangeInCapacity ExactCapacity PercentChangeInCapacity"
aws autoscaling describe-scaling-process-types --query 'length(Processes)'
is "describe-scaling-process-types" "9"
aws autoscaling describe-termination-policy-types --query 'length(TerminationPolicyTypes)'
is "describe-termination-policy-types" "7"
aws autoscaling describe-lifecycle-hook-types --query 'LifecycleHookTypes'
is "describe-lifecycle-hook-types" "autoscaling:EC2_INSTANCE_LAUNCHING autoscaling:EC2_INSTANCE_TERMINATING"
aws autoscaling describe-auto-scaling-notification-types --query 'length(AutoScalingNotificationTypes)'
is "describe-auto-scaling-notification-types" "5"
aws autoscaling describe-metric-collection-types --query '[length(Metrics),Granularities[0].Granularity]'
is "describe-metric-collection-types" "24 1Minute"

# --- launch templates and configurations ----------------------------------------------------------------------------
aws ec2 create-launch-template --launch-template-name $MARK-lt --version-description one \
    --launch-template-data "{\"ImageId\":\"$IMAGE\",\"InstanceType\":\"t3.micro\",\"SecurityGroupIds\":[\"$SECURITY_GROUP\"]}" \
    --query 'LaunchTemplate.[LaunchTemplateName,DefaultVersionNumber,LatestVersionNumber]'
is "ec2 create-launch-template" "$MARK-lt 1 1"
aws ec2 create-launch-template --launch-template-name $MARK-lt --launch-template-data '{"InstanceType":"t3.micro"}'
refused "ec2 create-launch-template: the name is taken" InvalidLaunchTemplateName.AlreadyExistsException "Launch template name already in use."
aws ec2 create-launch-template-version --launch-template-name $MARK-lt --source-version 1 \
    --launch-template-data '{"InstanceType":"t3.small"}' --query 'LaunchTemplateVersion.[VersionNumber,LaunchTemplateData.ImageId]'
is "ec2 create-launch-template-version: keeps the image of version 1" "2 $IMAGE"
aws ec2 modify-launch-template --launch-template-name $MARK-lt --default-version 2 --query LaunchTemplate.DefaultVersionNumber
is "ec2 modify-launch-template" "2"
aws ec2 describe-launch-template-versions --launch-template-name $MARK-lt --versions '$Default' \
    --query 'LaunchTemplateVersions[].[VersionNumber,DefaultVersion]'
is "ec2 describe-launch-template-versions \$Default" "2 True"
aws ec2 describe-launch-templates --launch-template-names $MARK-nobody
refused "ec2 describe-launch-templates: an unknown one" InvalidLaunchTemplateName.NotFoundException "does not exist"
aws autoscaling create-launch-configuration --launch-configuration-name $MARK-lc --image-id "$IMAGE" --instance-type t3.nano
silent "create-launch-configuration"
aws autoscaling create-launch-configuration --launch-configuration-name $MARK-lc --image-id "$IMAGE" --instance-type t3.nano
refused "create-launch-configuration: the name is taken" AlreadyExists "Launch Configuration by this name already exists"
aws autoscaling describe-launch-configurations --launch-configuration-names $MARK-lc --query 'LaunchConfigurations[0].[InstanceType,ImageId]'
is "describe-launch-configurations" "t3.nano $IMAGE"

# --- a group --------------------------------------------------------------------------------------------------------
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-web --min-size 0 --max-size 6 --desired-capacity 2 --default-cooldown 0 \
    --launch-template "LaunchTemplateName=$MARK-lt,Version=\$Latest" --vpc-zone-identifier "$SUBNET_A,$SUBNET_B" \
    --tags "Key=Name,Value=web server,PropagateAtLaunch=true" "Key=mark,Value=$MARK,PropagateAtLaunch=false"
silent "create-auto-scaling-group"
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-web --min-size 0 --max-size 1 \
    --launch-configuration-name $MARK-lc --availability-zones us-east-1a
refused "create-auto-scaling-group: the name is taken" AlreadyExists "AutoScalingGroup by this name already exists - A group with the name $MARK-web already exists"
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-x --min-size 4 --max-size 10 --desired-capacity 2 \
    --launch-configuration-name $MARK-lc --availability-zones us-east-1a
refused "create-auto-scaling-group: sizes" ValidationError "Desired capacity:2 must be between the specified min size:4 and max size:10"
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-x --min-size 0 --max-size 1 --availability-zones us-east-1a
refused "create-auto-scaling-group: nothing to launch" ValidationError "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-x --min-size 0 --max-size 1 \
    --launch-configuration-name $MARK-nobody --availability-zones us-east-1a
refused "create-auto-scaling-group: an unknown configuration" ValidationError "Launch configuration name not found - A launch configuration with the name: $MARK-nobody does not exist"
members "two members come into service" $MARK-web 2
aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web \
    --query 'AutoScalingGroups[0].[LaunchTemplate.Version,Instances[0].LaunchTemplate.Version,sort(Instances[].AvailabilityZone)]'
is "describe-auto-scaling-groups: \$Latest kept, resolved, balanced" '$Latest 2 us-east-1a us-east-1b'
aws autoscaling describe-auto-scaling-groups --filters "Name=tag:mark,Values=$MARK" --query 'AutoScalingGroups[].AutoScalingGroupName'
is "describe-auto-scaling-groups: by tag" "$MARK-web"
aws ec2 describe-instances --filters "Name=tag:aws:autoscaling:groupName,Values=$MARK-web" Name=instance-state-name,Values=running \
    --query 'Reservations[].Instances[].Tags[?Key==`Name`].Value'
is "ec2 describe-instances: by the group's tag, with the propagated name" "web server web server"
aws autoscaling describe-scaling-activities --auto-scaling-group-name $MARK-web --query 'Activities[].[StatusCode,Progress]'
is "describe-scaling-activities" "Successful 100 Successful 100"
aws autoscaling set-desired-capacity --auto-scaling-group-name $MARK-web --desired-capacity 7
refused "set-desired-capacity: above the maximum" ValidationError "New SetDesiredCapacity value 7 is above max value 6 for the AutoScalingGroup."
aws autoscaling set-desired-capacity --auto-scaling-group-name $MARK-nobody --desired-capacity 1
refused "set-desired-capacity: an unknown group" ValidationError "AutoScalingGroup name not found"
aws autoscaling set-desired-capacity --auto-scaling-group-name $MARK-web --desired-capacity 4
silent "set-desired-capacity"
members "four members" $MARK-web 4
aws autoscaling describe-scaling-activities --auto-scaling-group-name $MARK-web --max-items 1 --query 'Activities[0].Cause'
like "describe-scaling-activities: says why" '.*a user request explicitly set group desired capacity changing the desired capacity from 2 to 4\..*'

# --- paging ---------------------------------------------------------------------------------------------------------
AS=json aws autoscaling describe-auto-scaling-instances --page-size 1 --max-items 2 --query '[length(AutoScalingInstances), NextToken]'
like "describe-auto-scaling-instances --max-items" '.*2.*"[A-Za-z0-9+/=_-]+".*'
TOKEN=$(printf '%s' "$OUT" | tr -d ' \n[]"' | cut -d, -f2)
AS=json aws autoscaling describe-auto-scaling-instances --starting-token "$TOKEN" --query 'length(AutoScalingInstances) >= `2`'
is "describe-auto-scaling-instances --starting-token: the rest" "true"
aws autoscaling describe-auto-scaling-groups --no-paginate --next-token nonsense
refused "describe-auto-scaling-groups: a bad token" InvalidNextToken ""
AS=json aws autoscaling describe-scaling-activities --auto-scaling-group-name $MARK-web --page-size 1 --query 'length(Activities)'
is "describe-scaling-activities --page-size 1: all four, page by page" "4"

# --- members, one by one --------------------------------------------------------------------------------------------
aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web --query 'sort(AutoScalingGroups[0].Instances[].InstanceId)'
like "four ids" '(i-[0-9a-f]{17}.){3}i-[0-9a-f]{17}'
read -r ONE TWO THREE FOUR <<<"$OUT"
aws autoscaling describe-auto-scaling-instances --instance-ids "$ONE" --query 'AutoScalingInstances[].[AutoScalingGroupName,HealthStatus,LifecycleState]'
is "describe-auto-scaling-instances: upper case here" "$MARK-web HEALTHY InService"
aws autoscaling set-instance-protection --auto-scaling-group-name $MARK-web --instance-ids "$ONE" --protected-from-scale-in
silent "set-instance-protection"
aws autoscaling enter-standby --auto-scaling-group-name $MARK-web --instance-ids "$TWO" --should-decrement-desired-capacity --query 'Activities[0].Description'
is "enter-standby" "Moving EC2 instance to Standby: $TWO"
becomes "in standby" Standby autoscaling describe-auto-scaling-instances --instance-ids "$TWO" --query 'AutoScalingInstances[].LifecycleState'
aws autoscaling enter-standby --auto-scaling-group-name $MARK-web --instance-ids "$TWO" --should-decrement-desired-capacity
refused "enter-standby: twice" ValidationError "The instance $TWO is not in InService."
aws autoscaling exit-standby --auto-scaling-group-name $MARK-web --instance-ids "$TWO" --query 'Activities[0].[Description,StatusCode]'
is "exit-standby" "Moving EC2 instance out of Standby: $TWO PreInService"
members "back in service" $MARK-web 4
aws autoscaling detach-instances --auto-scaling-group-name $MARK-web --instance-ids "$THREE" --should-decrement-desired-capacity --query 'Activities[0].Description'
is "detach-instances" "Detaching EC2 instance: $THREE"
members "three are left" $MARK-web 3
aws autoscaling detach-instances --auto-scaling-group-name $MARK-web --instance-ids "$THREE" --should-decrement-desired-capacity
refused "detach-instances: twice" ValidationError "The instance $THREE is not part of Auto Scaling group $MARK-web."
aws autoscaling attach-instances --auto-scaling-group-name $MARK-web --instance-ids "$THREE"
silent "attach-instances"
members "four again" $MARK-web 4
aws autoscaling set-instance-health --instance-id "$FOUR" --health-status Unhealthy --no-should-respect-grace-period
silent "set-instance-health"
becomes "the sick one leaves" "" autoscaling describe-auto-scaling-instances --instance-ids "$FOUR" --query 'AutoScalingInstances[].LifecycleState'
members "and is replaced" $MARK-web 4
aws autoscaling terminate-instance-in-auto-scaling-group --instance-id "$TWO" --should-decrement-desired-capacity --query 'Activity.[Description,StatusCode]'
is "terminate-instance-in-auto-scaling-group" "Terminating EC2 instance: $TWO InProgress"
members "three" $MARK-web 3
aws autoscaling terminate-instance-in-auto-scaling-group --instance-id i-00000000000000000 --no-should-decrement-desired-capacity
refused "terminate-instance-in-auto-scaling-group: an unknown one" ValidationError "i-00000000000000000"
aws autoscaling set-desired-capacity --auto-scaling-group-name $MARK-web --desired-capacity 1
silent "set-desired-capacity down"
members "one is left" $MARK-web 1
aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web --query 'AutoScalingGroups[0].Instances[].[InstanceId,ProtectedFromScaleIn]'
is "it is the protected one" "$ONE True"

# --- settings of a group --------------------------------------------------------------------------------------------
aws autoscaling update-auto-scaling-group --auto-scaling-group-name $MARK-web --min-size 1 --max-size 3 --default-cooldown 30 \
    --termination-policies OldestInstance Default --max-instance-lifetime 86400
silent "update-auto-scaling-group"
aws autoscaling update-auto-scaling-group --auto-scaling-group-name $MARK-web --max-instance-lifetime 3600
refused "update-auto-scaling-group: too short a life" ValidationError ""
aws autoscaling update-auto-scaling-group --auto-scaling-group-name $MARK-nobody --min-size 1
refused "update-auto-scaling-group: an unknown group" ValidationError "AutoScalingGroup name not found"
aws autoscaling create-or-update-tags --tags "ResourceId=$MARK-web,ResourceType=auto-scaling-group,Key=team,Value=a b,PropagateAtLaunch=true"
silent "create-or-update-tags"
aws autoscaling create-or-update-tags --tags "ResourceId=$MARK-nobody,ResourceType=auto-scaling-group,Key=k,Value=v,PropagateAtLaunch=true"
refused "create-or-update-tags: an unknown group" ValidationError "AutoScalingGroup not found"
aws autoscaling describe-tags --filters "Name=auto-scaling-group,Values=$MARK-web" Name=key,Values=team --query 'Tags[].[Value,PropagateAtLaunch]'
is "describe-tags" "a b True"
aws autoscaling delete-tags --tags "ResourceId=$MARK-web,ResourceType=auto-scaling-group,Key=team"
silent "delete-tags"
aws autoscaling suspend-processes --auto-scaling-group-name $MARK-web --scaling-processes Launch AZRebalance
silent "suspend-processes"
aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web --query 'sort(AutoScalingGroups[0].SuspendedProcesses[].ProcessName)'
is "two are suspended" "AZRebalance Launch"
aws autoscaling resume-processes --auto-scaling-group-name $MARK-web
silent "resume-processes"
aws autoscaling enable-metrics-collection --auto-scaling-group-name $MARK-web --granularity 1Minute --metrics GroupMinSize GroupTotalInstances
silent "enable-metrics-collection"
aws autoscaling disable-metrics-collection --auto-scaling-group-name $MARK-web --metrics GroupMinSize
silent "disable-metrics-collection"
aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web \
    --query 'AutoScalingGroups[0].[MinSize,MaxSize,DefaultCooldown,MaxInstanceLifetime,EnabledMetrics[].Metric,length(SuspendedProcesses)]'
is "describe-auto-scaling-groups: as it was told" "1 3 30 86400 0 GroupTotalInstances"

# --- following load -------------------------------------------------------------------------------------------------
aws autoscaling put-scaling-policy --auto-scaling-group-name $MARK-web --policy-name out --adjustment-type ChangeInCapacity \
    --scaling-adjustment 1 --cooldown 1 --query PolicyARN
like "put-scaling-policy" "arn:aws:autoscaling:us-east-1:$ACCOUNT:scalingPolicy:[0-9a-f-]{36}:autoScalingGroupName/$MARK-web:policyName/out"
POLICY=$OUT
aws autoscaling put-scaling-policy --auto-scaling-group-name $MARK-web --policy-name in --policy-type StepScaling \
    --adjustment-type ExactCapacity --step-adjustments MetricIntervalUpperBound=0,ScalingAdjustment=1 --query 'length(Alarms)'
is "put-scaling-policy: steps" "0"
aws autoscaling put-scaling-policy --auto-scaling-group-name $MARK-web --policy-name held --policy-type TargetTrackingScaling --no-enabled \
    --target-tracking-configuration '{"TargetValue":60,"PredefinedMetricSpecification":{"PredefinedMetricType":"ASGAverageCPUUtilization"}}' \
    --query 'length(Alarms)'
is "put-scaling-policy: target tracking, with its alarms" "2"
aws autoscaling put-scaling-policy --auto-scaling-group-name $MARK-web --policy-name x --adjustment-type Sideways --scaling-adjustment 1
refused "put-scaling-policy: an unknown adjustment" ValidationError "Sideways"
aws autoscaling describe-policies --auto-scaling-group-name $MARK-web --query 'sort_by(ScalingPolicies,&PolicyName)[].[PolicyName,PolicyType,Enabled]'
is "describe-policies" "held TargetTrackingScaling False in StepScaling True out SimpleScaling True"
aws cloudwatch put-metric-alarm --alarm-name $MARK-high --namespace Tour --metric-name load --dimensions Name=mark,Value=$MARK --statistic Average \
    --period 60 --evaluation-periods 1 --threshold 50 --comparison-operator GreaterThanThreshold --treat-missing-data ignore --alarm-actions "$POLICY"
silent "cloudwatch put-metric-alarm"
aws cloudwatch wait alarm-exists --alarm-names $MARK-high
silent "cloudwatch wait alarm-exists"
aws cloudwatch put-metric-data --namespace Tour --metric-data "MetricName=load,Dimensions=[{Name=mark,Value=$MARK}],Value=12.5,Unit=Percent"
silent "cloudwatch put-metric-data"
aws cloudwatch list-metrics --namespace Tour --dimensions Name=mark,Value=$MARK --query 'Metrics[].MetricName'
is "cloudwatch list-metrics" "load"
NOW=$(date +%s)
aws cloudwatch get-metric-statistics --namespace Tour --metric-name load --dimensions Name=mark,Value=$MARK --statistics Maximum SampleCount \
    --period 60 --start-time $((NOW - 300)) --end-time $((NOW + 120)) --query 'Datapoints[].[Maximum,SampleCount,Unit]'
is "cloudwatch get-metric-statistics" "12.5 1.0 Percent"
aws autoscaling describe-policies --auto-scaling-group-name $MARK-web --policy-names out --query 'ScalingPolicies[].Alarms[].AlarmName'
is "describe-policies: the alarm that acts on it" "$MARK-high"
aws cloudwatch set-alarm-state --alarm-name $MARK-high --state-value ALARM --state-reason "the tour"
silent "cloudwatch set-alarm-state"
members "the policy acts" $MARK-web 2
aws cloudwatch set-alarm-state --alarm-name $MARK-high --state-value OK --state-reason "the tour goes on"
aws cloudwatch describe-alarm-history --alarm-name $MARK-high --history-item-type Action --query 'AlarmHistoryItems[0].HistorySummary'
is "cloudwatch describe-alarm-history" "Successfully executed action $POLICY"
aws autoscaling describe-scaling-activities --auto-scaling-group-name $MARK-web --max-items 1 --query 'Activities[0].Cause'
like "describe-scaling-activities: names both" ".*a monitor alarm $MARK-high in state ALARM triggered policy out changing the desired capacity from 1 to 2\..*"
aws autoscaling execute-policy --policy-name "$POLICY" --no-honor-cooldown
silent "execute-policy"
members "and again by hand" $MARK-web 3
aws autoscaling execute-policy --auto-scaling-group-name $MARK-web --policy-name in --metric-value 10 --breach-threshold 20
silent "execute-policy: steps"
members "and back" $MARK-web 1
aws cloudwatch put-metric-alarm --alarm-name $MARK-x --namespace Tour --metric-name load --statistic Average --period 7 --evaluation-periods 1 \
    --threshold 1 --comparison-operator GreaterThanThreshold
refused "cloudwatch put-metric-alarm: a period that there is not" ValidationError "10, 20, 30"
aws cloudwatch set-alarm-state --alarm-name $MARK-nobody --state-value OK --state-reason x
refused "cloudwatch set-alarm-state: an unknown one" ResourceNotFound ""
aws autoscaling delete-policy --auto-scaling-group-name $MARK-web --policy-name held
silent "delete-policy"
aws cloudwatch delete-alarms --alarm-names $MARK-high
silent "cloudwatch delete-alarms"
aws cloudwatch describe-alarms --alarm-name-prefix "$MARK-" --query 'length(MetricAlarms)'
is "cloudwatch describe-alarms: none is left" "0"

# --- the group as a fleet -------------------------------------------------------------------------------------------
aws autoscaling start-instance-refresh --auto-scaling-group-name $MARK-web --query InstanceRefreshId \
    --preferences '{"MinHealthyPercentage":0,"InstanceWarmup":0,"SkipMatching":false,"ScaleInProtectedInstances":"Refresh"}'
like "start-instance-refresh" '[0-9a-f-]{36}'
REFRESH=$OUT
becomes "describe-instance-refreshes: until it is over" "Successful 100" autoscaling describe-instance-refreshes \
    --auto-scaling-group-name $MARK-web --instance-refresh-ids "$REFRESH" --query 'InstanceRefreshes[0].[Status,PercentageComplete]'
aws autoscaling cancel-instance-refresh --auto-scaling-group-name $MARK-web
refused "cancel-instance-refresh: none" ActiveInstanceRefreshNotFound ""
members "one is there, a new one" $MARK-web 1
aws autoscaling put-warm-pool --auto-scaling-group-name $MARK-web --min-size 1 --max-group-prepared-capacity 2 --pool-state Stopped
silent "put-warm-pool"
becomes "describe-warm-pool" "Warmed:Stopped" autoscaling describe-warm-pool --auto-scaling-group-name $MARK-web --query 'Instances[].LifecycleState'
aws autoscaling delete-warm-pool --auto-scaling-group-name $MARK-web --force-delete
silent "delete-warm-pool --force-delete"
becomes "the pool is gone" "None" autoscaling describe-warm-pool --auto-scaling-group-name $MARK-web --query WarmPoolConfiguration
aws ec2 get-instance-types-from-instance-requirements --architecture-types x86_64 --virtualization-types hvm \
    --instance-requirements '{"VCpuCount":{"Min":2,"Max":2},"MemoryMiB":{"Min":0},"BurstablePerformance":"required","AllowedInstanceTypes":["t3.m*"]}' \
    --query 'sort(InstanceTypes[].InstanceType)'
is "ec2 get-instance-types-from-instance-requirements" "t3.medium t3.micro"

# --- an instance of its own -----------------------------------------------------------------------------------------
aws ec2 run-instances --image-id "$IMAGE" --instance-type t3.micro --subnet-id "$SUBNET_A" --query 'Instances[0].InstanceId' \
    --tag-specifications "ResourceType=instance,Tags=[{Key=Name,Value=$MARK-lone}]"
like "ec2 run-instances" 'i-[0-9a-f]{17}'
LONE=$OUT
becomes "it runs" running ec2 describe-instances --instance-ids "$LONE" --query 'Reservations[].Instances[].State.Name'
aws ec2 wait instance-running --instance-ids "$LONE"
silent "ec2 wait instance-running"
aws ec2 describe-instance-status --instance-ids "$LONE" --query 'InstanceStatuses[].InstanceState.Name'
is "ec2 describe-instance-status" "running"
aws ec2 create-tags --resources "$LONE" --tags Key=note,Value=x
silent "ec2 create-tags"
aws ec2 describe-tags --filters "Name=resource-id,Values=$LONE" --query 'sort(Tags[].Key)'
is "ec2 describe-tags" "Name note"
aws ec2 delete-tags --resources "$LONE" --tags Key=note
silent "ec2 delete-tags"
aws ec2 reboot-instances --instance-ids "$LONE"
silent "ec2 reboot-instances"
aws ec2 stop-instances --instance-ids "$LONE" --query 'StoppingInstances[].CurrentState.Name'
is "ec2 stop-instances" "stopping"
becomes "it stopped" stopped ec2 describe-instances --instance-ids "$LONE" --query 'Reservations[].Instances[].State.Name'
aws ec2 start-instances --instance-ids "$LONE" --query 'StartingInstances[].[PreviousState.Name,CurrentState.Name]'
is "ec2 start-instances" "stopped pending"
aws ec2 get-launch-template-data --instance-id "$LONE" --query 'LaunchTemplateData.[ImageId,InstanceType]'
is "ec2 get-launch-template-data" "$IMAGE t3.micro"
aws ec2 terminate-instances --instance-ids "$LONE" --query 'length(TerminatingInstances)'
is "ec2 terminate-instances" "1"
becomes "it ended" terminated ec2 describe-instances --instance-ids "$LONE" --query 'Reservations[].Instances[].State.Name'
aws ec2 wait instance-terminated --instance-ids "$LONE"
silent "ec2 wait instance-terminated"
aws ec2 describe-instances --instance-ids i-0000000000000000f
refused "ec2 describe-instances: an unknown one" InvalidInstanceID.NotFound "The instance ID 'i-0000000000000000f' does not exist"
aws ec2 describe-spot-instance-requests
refused "ec2: an operation that is not answered" InvalidAction "DescribeSpotInstanceRequests"

# --- the other launch source, and the end ---------------------------------------------------------------------------
aws autoscaling create-auto-scaling-group --auto-scaling-group-name $MARK-old --min-size 1 --max-size 1 \
    --launch-configuration-name $MARK-lc --availability-zones us-east-1c
silent "create-auto-scaling-group from a launch configuration"
members "one member" $MARK-old 1
aws autoscaling describe-auto-scaling-instances --query "AutoScalingInstances[?AutoScalingGroupName=='$MARK-old'].[LaunchConfigurationName,AvailabilityZone,InstanceType]"
is "it names its configuration" "$MARK-lc us-east-1c t3.nano"
aws autoscaling delete-launch-configuration --launch-configuration-name $MARK-lc
refused "delete-launch-configuration: in use" ResourceInUse "Cannot delete launch configuration $MARK-lc because it is attached to AutoScalingGroup"
aws autoscaling delete-auto-scaling-group --auto-scaling-group-name $MARK-old
refused "delete-auto-scaling-group: in use" ResourceInUse "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group."
aws autoscaling delete-auto-scaling-group --auto-scaling-group-name $MARK-old --force-delete
silent "delete-auto-scaling-group --force-delete"
aws autoscaling delete-auto-scaling-group --auto-scaling-group-name $MARK-web --force-delete
silent "delete-auto-scaling-group --force-delete: the other"
becomes "both are gone" "0" autoscaling describe-auto-scaling-groups --auto-scaling-group-names $MARK-web $MARK-old --query 'length(AutoScalingGroups)'
becomes "and all they ran" "0" ec2 describe-instances --filters "Name=tag:aws:autoscaling:groupName,Values=$MARK-web,$MARK-old" \
    Name=instance-state-name,Values=pending,running,stopping,stopped,shutting-down --query 'length(Reservations)'
aws autoscaling delete-launch-configuration --launch-configuration-name $MARK-lc
silent "delete-launch-configuration"
aws ec2 delete-launch-template-versions --launch-template-name $MARK-lt --versions 1 --query 'length(SuccessfullyDeletedLaunchTemplateVersions)'
is "ec2 delete-launch-template-versions" "1"
aws ec2 delete-launch-template --launch-template-name $MARK-lt --query LaunchTemplate.LaunchTemplateName
is "ec2 delete-launch-template" "$MARK-lt"
aws autoscaling describe-scaling-activities --include-deleted-groups --auto-scaling-group-name $MARK-old --query 'Activities[0].AutoScalingGroupState'
is "describe-scaling-activities --include-deleted-groups" "Deleted"

echo "$((COUNT - FAILED)) of $COUNT checks passed in $COMMANDS aws commands"
[ $FAILED = 0 ]
