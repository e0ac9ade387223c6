package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.snapshot.StateCodec;
import io.satchel.vm.snapshot.StateFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What holds for the devices of a machine together: a machine that is restored from saved states
 * answers as the one that was saved, whatever was done to either before.
 *
 * <p>Devices are restored in the order of the list, which is the order of construction: whoever is
 * driven comes before the driver, so that a line that is driven again has that level already.
 */
public abstract class DeviceContract {

  private static final int WARM_UP = 6_000;
  private static final int COMPARED = 6_000;

  /**
   * A machine with nothing running in it.
   *
   * @param devices in order of construction
   * @param advance lets virtual time pass, in nanoseconds, and fires what is due
   * @param stimulus what comes from the host: keys, bytes, media
   */
  public record Rig(
      Board board, List<Device<?>> devices, LongConsumer advance, Consumer<Random> stimulus) {}

  /** A machine as after power-on. */
  protected abstract Rig fresh();

  /** At least how many devices there must be: a list that lost some must not pass. */
  protected abstract int leastDevices();

  @Test
  void namesAreUnique() {
    List<Device<?>> devices = fresh().devices();
    assertThat(devices).hasSizeGreaterThanOrEqualTo(leastDevices());
    assertThat(devices).extracting(Device::name).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void aFreshMachineThatIsRestoredAnswersTheSame(long seed) throws StateFormatException {
    Rig saved = fresh();
    new Play(saved, seed).run(WARM_UP);
    Rig restored = fresh();
    copy(saved, restored);
    assertSameAnswers(saved, restored, seed + 100);
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14})
  void aUsedMachineThatIsRestoredAnswersTheSame(long seed) throws StateFormatException {
    Rig saved = fresh();
    new Play(saved, seed).run(WARM_UP);
    Rig restored = fresh();
    new Play(restored, seed + 50).run(WARM_UP);
    copy(saved, restored);
    assertSameAnswers(saved, restored, seed + 100);
  }

  @Test
  void aStateThatIsRestoredIsTheStateThatIsSavedNext() throws StateFormatException {
    Rig saved = fresh();
    new Play(saved, 5).run(WARM_UP);
    Rig restored = fresh();
    copy(saved, restored);
    assertSameStates(saved, restored);
  }

  @Test
  void resettingTwiceIsResettingOnce() {
    Rig used = fresh();
    new Play(used, 21).run(WARM_UP);
    for (Device<?> device : used.devices()) {
      device.reset();
      byte[] once = StateCodec.save(device);
      device.reset();
      assertThat(StateCodec.save(device)).as(device.name()).isEqualTo(once);
    }
  }

  private static void copy(Rig from, Rig to) throws StateFormatException {
    byte[] ram = from.board().memory().memory().bytes();
    System.arraycopy(ram, 0, to.board().memory().memory().bytes(), 0, ram.length);
    to.board().clock().set(from.board().clock().nanos());
    for (int i = 0; i < from.devices().size(); i++) {
      StateCodec.load(to.devices().get(i), StateCodec.save(from.devices().get(i)));
    }
  }

  private static void assertSameAnswers(Rig one, Rig other, long seed) {
    Play first = new Play(one, seed);
    Play second = new Play(other, seed);
    List<String> actualSweep = second.sweep();
    List<String> expectedSweep = first.sweep();
    for (int i = 0; i < expectedSweep.size(); i++) {
      assertThat(actualSweep.get(i)).isEqualTo(expectedSweep.get(i));
    }
    int telling = 0;
    for (int i = 0; i < COMPARED; i++) {
      String expected = first.step();
      String actual = second.step();
      assertThat(actual).as("step %d", i).isEqualTo(expected);
      if (!expected.endsWith("ff") && !expected.endsWith("=0")) {
        telling++;
      }
    }
    assertThat(telling).as("answers that say something").isGreaterThan(COMPARED / 20);
    assertSameStates(one, other);
  }

  private static void assertSameStates(Rig one, Rig other) {
    for (int i = 0; i < one.devices().size(); i++) {
      Device<?> device = one.devices().get(i);
      assertThat(StateCodec.save(other.devices().get(i)))
          .as("state of %s: %s", device.name(), device.state())
          .isEqualTo(StateCodec.save(device));
    }
  }

  /** Random doings that a seed repeats. */
  private static final class Play {
    private final Rig rig;
    private final Random random;
    private final List<Integer> ports = new ArrayList<>();
    private final List<Long> windows = new ArrayList<>();

    Play(Rig rig, long seed) {
      this.rig = rig;
      this.random = new Random(seed);
      for (int port = 0; port < 0x10000; port++) {
        if (rig.board().ports().nameAt(port) != null) {
          ports.add(port);
        }
      }
      for (long page = 0; page < 1 << 20; page++) {
        if (rig.board().memory().readEntry(page) < -1) {
          windows.add(page << 12);
        }
      }
    }

    void run(int steps) {
      for (int i = 0; i < steps; i++) {
        step();
      }
    }

    /** Reads whatever can be read, before writes hide what was lost. */
    List<String> sweep() {
      List<String> answers = new ArrayList<>();
      for (int port : ports) {
        answers.add("in %x=%x".formatted(port, rig.board().ports().read(port, 1)));
      }
      for (long window : windows) {
        for (int offset = 0; offset < 0x400; offset += 16) {
          answers.add(
              "read %x=%x"
                  .formatted(window + offset, rig.board().memory().read(window + offset, 4)));
        }
      }
      for (PciFunction function : rig.board().pci().functions()) {
        for (int register = 0; register < 256; register += 4) {
          answers.add(
              "config %x.%x=%x"
                  .formatted(function.number(), register, function.readConfig(register, 4)));
        }
      }
      return answers;
    }

    /** One doing; what it was and what was answered. */
    String step() {
      int width = 1 << random.nextInt(3);
      int value = random.nextInt() >>> random.nextInt(32);
      int kind = random.nextInt(16);
      if (kind < 4) {
        int port = port();
        return "in %x.%d=%x".formatted(port, width, rig.board().ports().read(port, width));
      }
      if (kind < 8) {
        int port = port();
        rig.board().ports().write(port, width, value);
        return "out %x.%d %x".formatted(port, width, value);
      }
      if (kind < 12 && !windows.isEmpty()) {
        long address = windows.get(random.nextInt(windows.size())) + (random.nextInt(256) << 4);
        if (kind < 10) {
          return "read %x=%x".formatted(address, rig.board().memory().read(address, 4));
        }
        rig.board().memory().write(address, 4, value);
        return "write %x %x".formatted(address, value);
      }
      if (kind < 14) {
        int number = random.nextInt(256);
        int register = random.nextInt(256) & -width;
        // Known functions most of the time.
        number = random.nextInt(4) == 0 ? number : number & 0x0B;
        if (kind == 12) {
          return "config %x.%x=%x"
              .formatted(number, register, rig.board().pci().readConfig(number, register, width));
        }
        // Base addresses stay: a window on top of another one answers in order of mapping.
        if (register < 0x10 || register >= 0x28) {
          rig.board().pci().writeConfig(number, register, width, value);
        }
        return "config %x.%x %x".formatted(number, register, value);
      }
      if (kind == 14) {
        rig.stimulus().accept(random);
        return "stimulus";
      }
      long time = random.nextLong(1L << random.nextInt(1, 30));
      rig.advance().accept(time);
      return "advance " + time;
    }

    private int port() {
      return ports.get(random.nextInt(ports.size()));
    }
  }
}
