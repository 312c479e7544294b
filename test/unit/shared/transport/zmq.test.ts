import { createZmqTransport } from '../../../../src/shared/transport/zmq.ts';
import {
  describeTransport,
  newIpcAddress,
  newTcpAddress,
} from '../../../support/describe-transport.ts';

describeTransport('ZeroMQ over tcp', createZmqTransport, newTcpAddress);
describeTransport('ZeroMQ over ipc', createZmqTransport, newIpcAddress);
