import { createShop } from "./create-shop.js";
import { Settings } from "./settings/settings.js";

const settings = Settings.fromEnvironment(process.env);
const app = await createShop(settings);
await app.listen(settings.values.port, "127.0.0.1");
