// Uses a classifier through the stock client as an application would. Called
// with the port; every surprise ends it with an exit code.
'use strict';

const assert = require('assert');
const jubatus = require('jubatus');

const { Datum } = jubatus.common.types;
const { LabeledDatum } = jubatus.classifier.types;
const client = new jubatus.classifier.client.Classifier(Number(process.argv[2]), '127.0.0.1', 'any name', 10);

async function labels(datum) {
    const [estimates] = await client.classify([datum]);
    estimates.forEach(e => assert.strictEqual(typeof e.score, 'number'));
    return estimates.sort((a, b) => b.score - a.score).map(e => e.label);
}

async function main() {
    const cold = new Datum().addString('sky', '雪').addNumber('temperature', 0.5);
    const warm = new Datum().addString('sky', 'sun').addNumber('temperature', 1);
    const data = [new LabeledDatum('winter', cold), new LabeledDatum('summer', warm)];

    assert.strictEqual(await client.train(data), 2);
    assert.deepStrictEqual(await labels(warm), ['summer', 'winter']);
    assert.deepStrictEqual(await labels(cold), ['winter', 'summer']);
    assert.deepStrictEqual(await client.getLabels(), { summer: 1, winter: 1 });
    assert.strictEqual(await client.setLabel('autumn'), true);
    assert.strictEqual(await client.deleteLabel('autumn'), true);

    const saved = await client.save('from-node');
    assert.strictEqual(Object.keys(saved).length, 1);
    assert.ok(Object.values(saved)[0].endsWith('_classifier_from-node.jubatus'));
    assert.strictEqual(await client.clear(), true);
    assert.deepStrictEqual(await client.getLabels(), {});
    assert.strictEqual(await client.load('from-node'), true);
    assert.deepStrictEqual(await labels(warm), ['summer', 'winter']);

    const [status] = Object.values(await client.getStatus());
    assert.strictEqual(status.PROGNAME, 'jubaclassifier');
    assert.strictEqual(status.num_classes, '2');
    assert.strictEqual(JSON.parse(await client.getConfig()).method, 'PA');

    await assert.rejects(client.load('no such model'), error => String(error).includes('cannot open input file'));
    assert.deepStrictEqual(await labels(cold), ['winter', 'summer']);
}

main().catch(error => {
    console.error(error);
    process.exitCode = 1;
}).finally(() => client.getClient().close());
