import { App, CfnOutput, Stack, Tags } from "aws-cdk-lib";
import { Architecture, CfnUrl, Code, Function, Runtime } from "aws-cdk-lib/aws-lambda";

const ALIAS = "PROD";

// CDK puts settings and code into $LATEST. Without `currentVersion`, `Version` and `Alias`, `cdk deploy` moves no user.
class Shop extends Stack {
  constructor(scope, id) {
    super(scope, id);
    const shop = new Function(this, "Function", {
      functionName: "Shop",
      code: Code.fromAsset("shop"),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
    });
    Tags.of(shop).add("bluegreen:managed", "true");
  }
}

// Callers name the alias. `bluegreen adopt` makes it, so this stack comes after the adoption.
class Callers extends Stack {
  constructor(scope, id) {
    super(scope, id);
    const url = new CfnUrl(this, "Url", { targetFunctionArn: "Shop", qualifier: ALIAS, authType: "AWS_IAM" });
    new CfnOutput(this, "ShopUrl", { value: url.attrFunctionUrl });
  }
}

const app = new App();
new Shop(app, "Shop");
new Callers(app, "ShopCallers");
