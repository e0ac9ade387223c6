package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.bus.IoHandler;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The chipset under the contract, and the contract under a device that breaks it. */
class DeviceContractTests extends DeviceContract {

  @Override
  protected Rig fresh() {
    Chipset chipset = new Chipset();
    return new Rig(chipset.board, chipset.devices, chipset.rig::advance, chipset::stimulate);
  }

  @Override
  protected int leastDevices() {
    return 14;
  }

  @Test
  void aDeviceThatForgetsIsFound() {
    DeviceContract forgetful =
        new DeviceContract() {
          @Override
          protected Rig fresh() {
            Rig rig = DeviceContractTests.this.fresh();
            List<Device<?>> devices = new ArrayList<>(rig.devices());
            devices.add(new Forgetful(rig.board()));
            return new Rig(rig.board(), devices, rig.advance(), rig.stimulus());
          }

          @Override
          protected int leastDevices() {
            return 15;
          }
        };
    assertThatThrownBy(() -> forgetful.aFreshMachineThatIsRestoredAnswersTheSame(1))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("in 3");
  }

  /** A latch that saves nothing. */
  private static final class Forgetful implements Device<Forgetful.State> {
    record State() {}

    private int value;

    Forgetful(Board board) {
      board
          .ports()
          .map(
              0x300,
              8,
              1,
              "latch",
              new IoHandler() {
                @Override
                public int read(int offset, int width) {
                  return value;
                }

                @Override
                public void write(int offset, int width, int written) {
                  value = value + written + 1 & 0xFF;
                }
              });
    }

    @Override
    public String name() {
      return "forgetful";
    }

    @Override
    public void reset() {
      value = 0;
    }

    @Override
    public State state() {
      return new State();
    }

    @Override
    public void restore(State state) {}
  }
}
