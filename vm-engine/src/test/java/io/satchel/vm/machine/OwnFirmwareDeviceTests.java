package io.satchel.vm.machine;

import io.satchel.vm.api.MachineConfig;

/**
 * The PC with Satchel's own firmware and two processors under the device contract. Its services
 * also work on the processor, which stands here and calls none.
 */
class OwnFirmwareDeviceTests extends PcMachineDeviceTests {

  @Override
  protected MachineConfig firmware(MachineConfig config) {
    return config.withProcessors(2);
  }
}
