package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A machine that is held to a speed, on a host whose time goes on only while the machine's thread
 * sleeps: what is measured does not depend on how fast the tests' host is.
 */
class HeldSpeedTests {

  private static final long SECOND = 1_000_000_000L;

  /** STI; L: INC EAX; JMP L. */
  private static final String SPIN = "FB 6640 EBFC";

  /** STI; L: HLT; JMP L. */
  private static final String HALT = "FB F4 EBFD";

  /** L: REP STOSB of 65,520 bytes; JMP L. */
  private static final String FILL = "B80020 8EC0 FB B9F0FF 31FF F3AA EBF7";

  /** Bytes that {@link #FILL} stores in a round, which takes three instructions more. */
  private static final int FILLED = 65_520;

  /**
   * Counts, in rounds of three instructions (INC ECX; CMP BX,[46Ch]; JNE), how long the BIOS' clock
   * takes for 18 ticks, and writes the count to port E9h, a letter from A to P for each digit.
   */
  private static final String TICKS =
      "31C0 8ED8 FB 8B1E6C04 3B1E6C04 74FA 8B1E6C04 83C312 6631C9 6641 3B1E6C04 75F8 BA0800"
          + "66C1C104 88C8 240F 0441 E6E9 4A 75F1 E6F4 EBFE";

  private final IdleHost host = new IdleHost();

  private PcMachine machine(String code, Speed speed) throws Exception {
    MachineConfig config = BootRig.config().withClock(Clock.HOST).withSpeed(speed);
    return new PcMachine(
        BootRig.withFloppy(config, BootRig.floppy(code)), new MachineEvents() {}, host);
  }

  /** What a machine had executed at a moment of virtual time. */
  private static CompletableFuture<Long> executedAt(PcMachine machine, long nanos) {
    CompletableFuture<Long> executed = new CompletableFuture<>();
    machine.at(nanos, () -> executed.complete(machine.status().instructions()));
    return executed;
  }

  private static long executed(PcMachine machine, long from, long to) throws Exception {
    CompletableFuture<Long> before = executedAt(machine, from);
    CompletableFuture<Long> after = executedAt(machine, to);
    machine.start();
    return after.get(60, TimeUnit.SECONDS) - before.get();
  }

  @ParameterizedTest
  @EnumSource(names = "FULL", mode = EnumSource.Mode.EXCLUDE)
  void aVirtualSecondHasTheInstructionsOfTheSpeed(Speed speed) throws Exception {
    try (PcMachine machine = machine(SPIN, speed)) {
      assertThat(executed(machine, SECOND, 2 * SECOND))
          .isCloseTo(SECOND / speed.nanosPerInstruction(), Percentage.withPercentage(1));
    }
  }

  @Test
  void theTurnsOfARepeatedInstructionTakeTheirTime() throws Exception {
    try (PcMachine machine = machine(FILL, Speed.I386)) {
      long instructions = executed(machine, SECOND, 2 * SECOND);
      long rounds = SECOND / 125 / FILLED;
      // Three of a round, and one more whenever an event stops it in between.
      assertThat(instructions).isBetween(3 * rounds, 3 * rounds + 5_000);
    }
  }

  @Test
  void theGuestsOwnClockGoesByThatSpeed() throws Exception {
    StringBuffer said = new StringBuffer();
    CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
    MachineConfig config = BootRig.config().withClock(Clock.HOST).withSpeed(Speed.I486);
    try (PcMachine machine =
        new PcMachine(
            BootRig.withFloppy(config, BootRig.floppy(TICKS)),
            new MachineEvents() {
              @Override
              public void debug(int value) {
                said.append((char) value);
              }

              @Override
              public void ended(End how) {
                end.complete(how);
              }
            },
            host)) {
      machine.start();
      end.get(60, TimeUnit.SECONDS);
    }
    long rounds = said.chars().asLongStream().reduce(0, (sum, digit) -> sum * 16 + digit - 'A');
    double ticks = 18 * 65_536 / 1_193_182.0;
    assertThat(rounds * 3 * 40 / 1e9).isCloseTo(ticks, Percentage.withPercentage(1));
  }

  /** How the host's time and the sleeps of a machine's thread stood. */
  private record Sleep(long nanos, long parks) {}

  private Sleep slept(String code) throws Exception {
    CompletableFuture<Sleep> before = new CompletableFuture<>();
    CompletableFuture<Sleep> after = new CompletableFuture<>();
    try (PcMachine machine = machine(code, Speed.I386)) {
      machine.at(SECOND, () -> before.complete(new Sleep(host.now, host.parks)));
      machine.at(2 * SECOND, () -> after.complete(new Sleep(host.now, host.parks)));
      machine.start();
      Sleep end = after.get(60, TimeUnit.SECONDS);
      Sleep begin = before.get();
      return new Sleep(end.nanos - begin.nanos, end.parks - begin.parks);
    }
  }

  @Test
  void aMachineThatIsAheadSleepsSeldomAndLong() throws Exception {
    Sleep sleep = slept(SPIN);
    assertThat(sleep.nanos)
        .as("all of the time, for this host executes in no time")
        .isCloseTo(SECOND, Percentage.withPercentage(1));
    assertThat(sleep.parks).isBetween(300L, 520L);
  }

  @Test
  void aMachineThatHaltsSleepsUntilItsNextEvent() throws Exception {
    Sleep sleep = slept(HALT);
    assertThat(sleep.nanos).isCloseTo(SECOND, Percentage.withPercentage(1));
    assertThat(sleep.parks).as("18 ticks, 60 pictures and what else there is").isLessThan(300);
  }

  @Test
  void theSpeedCanBeChangedWhileItRuns() throws Exception {
    try (PcMachine machine = machine(SPIN, Speed.I386)) {
      machine.at(SECOND, () -> machine.hold(Speed.I486));
      assertThat(executed(machine, SECOND + SECOND / 10, 2 * SECOND + SECOND / 10))
          .isCloseTo(SECOND / 40, Percentage.withPercentage(1));
      assertThat(machine.speed()).isEqualTo(Speed.I486);
    }
  }

  @Test
  void aClockOfInstructionsGoesByTheSpeedToo() throws Exception {
    MachineConfig config = BootRig.config().withSpeed(Speed.I386);
    long first;
    try (PcMachine machine = new BootRig().machine(floppy(config, SPIN))) {
      machine.at(SECOND + SECOND / 2, () -> machine.hold(Speed.I486));
      first = executed(machine, SECOND, 2 * SECOND);
    }
    assertThat(first).isCloseTo(SECOND / 250 + SECOND / 80, Percentage.withPercentage(1));
    try (PcMachine machine = new BootRig().machine(floppy(config, SPIN))) {
      machine.at(SECOND + SECOND / 2, () -> machine.hold(Speed.I486));
      assertThat(executed(machine, SECOND, 2 * SECOND)).isEqualTo(first);
    }
  }

  private static MachineConfig floppy(MachineConfig config, String code) {
    return BootRig.withFloppy(config, BootRig.floppy(code));
  }
}
