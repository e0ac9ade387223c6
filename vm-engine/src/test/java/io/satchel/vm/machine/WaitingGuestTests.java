package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.host.Key;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Programs that wait without HLT. The machine is held to 100 million instructions in a second, on a
 * host whose time goes on only while the machine's thread sleeps: what a waiting program executes
 * in a second of virtual time is what it costs.
 */
class WaitingGuestTests {

  private static final long SECOND = 1_000_000_000L;

  /** What a program that does not sleep executes in a second. */
  private static final long ALL = 100_000_000L;

  /** L: INT 16h, AH=01h; JZ L; then K to port E9h for each key, which is taken. */
  private static final String ASKS_THE_BIOS = "FB B401 CD16 74FA B04B E6E9 B400 CD16 EBF0";

  /** CLI; L: IN AL,64h; TEST AL,1; JZ L; then K to port E9h for each byte. */
  private static final String ASKS_THE_CONTROLLER = "FA E464 A801 74FA E460 B04B E6E9 EBF2";

  /** STI; L: BX = the BIOS' ticks; M: CMP BX,[46Ch]; JE M; INC CX; JMP L. */
  private static final String WATCHES_THE_TICKS = "FB 31C0 8ED8 8B1E6C04 3B1E6C04 74FA 41 EBF3";

  /** The same loop, but it counts its rounds in memory. */
  private static final String COUNTS_IN_MEMORY =
      "FB 31C0 8ED8 8B1E6C04 66FF060006 3B1E6C04 74F5 EBEF";

  /** Counts the retraces in 18 ticks of the BIOS, and sends the count to port E9h. */
  private static final String WAITS_FOR_RETRACE =
      "FB 31C0 8ED8 BADA03 8B1E6C04 3B1E6C04 74FA 8B1E6C04 83C312 31C9 EC A808 75FB EC A808 74FB"
          + "41 3B1E6C04 75EF 88C8 E6E9 E6F4 EBFE";

  /** Asks the controller 65,536 times at most, and sends the ticks that took to port E9h. */
  private static final String GIVES_UP =
      "FB 31C0 8ED8 BA6400 8B1E6C04 3B1E6C04 74FA 8B1E6C04 31C9 EC A801 E1FB 2B1E6C04 F7DB 88D8"
          + "E6E9 E6F4 EBFE";

  private final LinkedBlockingQueue<Integer> said = new LinkedBlockingQueue<>();

  private PcMachine machine(String code) throws Exception {
    MachineConfig config = BootRig.config().withClock(Clock.HOST).withSpeed(Speed.PENTIUM);
    return new PcMachine(
        BootRig.withFloppy(config, BootRig.floppy(code)),
        new MachineEvents() {
          @Override
          public void debug(int value) {
            said.add(value);
          }
        },
        new IdleHost());
  }

  private static long executed(PcMachine machine) throws Exception {
    CompletableFuture<Long> before = new CompletableFuture<>();
    CompletableFuture<Long> after = new CompletableFuture<>();
    machine.at(SECOND, () -> before.complete(machine.status().instructions()));
    machine.at(2 * SECOND, () -> after.complete(machine.status().instructions()));
    machine.start();
    return after.get(60, TimeUnit.SECONDS) - before.get();
  }

  private int said() throws InterruptedException {
    Integer value = said.poll(60, TimeUnit.SECONDS);
    assertThat(value).as("what the program says").isNotNull();
    return value;
  }

  @Test
  void aProgramThatAsksTheBiosForAKeyLetsTheHostSleepAndGetsIt() throws Exception {
    try (PcMachine machine = machine(ASKS_THE_BIOS)) {
      assertThat(executed(machine)).isLessThan(ALL / 100);
      machine.key(Key.KEY_A, true);
      assertThat(said()).isEqualTo('K');
    }
  }

  @Test
  void aProgramThatAsksTheControllerLetsTheHostSleepAndGetsItsByte() throws Exception {
    try (PcMachine machine = machine(ASKS_THE_CONTROLLER)) {
      assertThat(executed(machine)).isLessThan(ALL / 100);
      machine.key(Key.KEY_A, true);
      assertThat(said()).isEqualTo('K');
    }
  }

  @Test
  void aProgramThatWatchesTheTicksLetsTheHostSleepUntilTheNextOne() throws Exception {
    try (PcMachine machine = machine(WATCHES_THE_TICKS)) {
      assertThat(executed(machine)).isLessThan(ALL / 100);
    }
  }

  @Test
  void aLoopThatCountsIsExecuted() throws Exception {
    try (PcMachine machine = machine(COUNTS_IN_MEMORY)) {
      assertThat(executed(machine)).isGreaterThan(ALL * 99 / 100);
    }
  }

  @Test
  void aProgramThatWaitsForEachRetraceLetsTheHostSleepAndMissesNone() throws Exception {
    try (PcMachine machine = machine(WAITS_FOR_RETRACE)) {
      machine.start();
      assertThat(said()).as("in 0.989 s at 70.1 Hz").isBetween(69, 71);
    }
    said.clear();
    try (PcMachine machine = machine(WAITS_FOR_RETRACE.replace("75EF", "EBEF"))) {
      assertThat(executed(machine)).isLessThan(ALL / 10);
    }
  }

  @Test
  void aProgramThatGivesUpAfterSoManyQuestionsIsNotKeptWaiting() throws Exception {
    try (PcMachine machine = machine(GIVES_UP)) {
      machine.start();
      assertThat(said()).as("ticks of 55 ms; at full speed it takes 2 ms").isLessThanOrEqualTo(1);
    }
  }
}
