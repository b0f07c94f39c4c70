"""Names of policies that AWS manages and users look for by name. Any other may be named as well, by its ARN.

Source: AWS Managed Policy Reference. Each is a name alone: it grants nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "/": """
        AdministratorAccess AmazonDynamoDBFullAccess AmazonDynamoDBReadOnlyAccess AmazonEC2ContainerRegistryFullAccess
        AmazonEC2ContainerRegistryPowerUser AmazonEC2ContainerRegistryReadOnly AmazonEC2FullAccess
        AmazonEC2ReadOnlyAccess AmazonECS_FullAccess AmazonEKSClusterPolicy AmazonEKSServicePolicy
        AmazonEKSVPCResourceController AmazonEKSWorkerNodePolicy AmazonEKS_CNI_Policy
        AmazonElasticFileSystemClientFullAccess AmazonElasticFileSystemClientReadWriteAccess
        AmazonElasticFileSystemFullAccess AmazonElasticFileSystemReadOnlyAccess AmazonPrometheusRemoteWriteAccess
        AmazonRDSFullAccess AmazonRDSReadOnlyAccess AmazonRoute53FullAccess AmazonRoute53ReadOnlyAccess
        AmazonS3FullAccess AmazonS3ReadOnlyAccess AmazonSNSFullAccess AmazonSNSReadOnlyAccess AmazonSQSFullAccess
        AmazonSQSReadOnlyAccess AmazonSSMFullAccess AmazonSSMManagedEC2InstanceDefaultPolicy
        AmazonSSMManagedInstanceCore AmazonSSMPatchAssociation AmazonSSMReadOnlyAccess AmazonVPCFullAccess
        AmazonVPCReadOnlyAccess AutoScalingConsoleFullAccess AutoScalingConsoleReadOnlyAccess AutoScalingFullAccess
        AutoScalingReadOnlyAccess AWSCertificateManagerFullAccess AWSCertificateManagerReadOnly
        AWSCloudFormationFullAccess AWSCloudFormationReadOnlyAccess AWSElasticBeanstalkMulticontainerDocker
        AWSElasticBeanstalkWebTier AWSElasticBeanstalkWorkerTier AWSKeyManagementServicePowerUser AWSLambda_FullAccess
        AWSLambda_ReadOnlyAccess AWSXRayDaemonWriteAccess CloudWatchAgentAdminPolicy CloudWatchAgentServerPolicy
        CloudWatchFullAccess CloudWatchLogsFullAccess CloudWatchLogsReadOnlyAccess CloudWatchReadOnlyAccess
        ElasticLoadBalancingFullAccess ElasticLoadBalancingReadOnly IAMFullAccess IAMReadOnlyAccess PowerUserAccess
        ReadOnlyAccess SecretsManagerReadWrite SecurityAudit
    """,
    "/service-role/": """
        AmazonEBSCSIDriverPolicy AmazonEC2ContainerServiceforEC2Role AmazonEC2RoleforAWSCodeDeploy AmazonEC2RoleforSSM
        AmazonEC2SpotFleetTaggingRole AmazonECSTaskExecutionRolePolicy AmazonEFSCSIDriverPolicy
        AmazonRDSEnhancedMonitoringRole AmazonSSMAutomationRole AmazonSSMMaintenanceWindowRole
        AutoScalingNotificationAccessRole AWSCodeDeployRole AWSLambdaBasicExecutionRole AWSLambdaVPCAccessExecutionRole
    """,
    "/job-function/": """
        Billing DatabaseAdministrator NetworkAdministrator SupportUser SystemAdministrator ViewOnlyAccess
    """,
    "/aws-service-role/": "AutoScalingServiceRolePolicy AWSElasticLoadBalancingServiceRolePolicy",
}
"""By path."""
LISTED: Final[Sequence[tuple[str, str]]] = [(path, name) for path, names in _NAMES.items() for name in names.split()]
"""Path and name of each."""
