FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY . .
# The worker loads the finished bundle: bundling costs a process hundreds of MiB.
RUN node dev/bundle.ts workflow-bundle.js

FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 HOST=0.0.0.0 WORKFLOW_BUNDLE=/app/workflow-bundle.js
WORKDIR /app
COPY --from=build --chown=node:node /app .
USER node
CMD ["node", "--max-semi-space-size=4", "server.ts"]
