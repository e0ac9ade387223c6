package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.Meter;
import io.satchel.vm.api.Meter.Exit;
import io.satchel.vm.api.Meter.Reading;
import io.satchel.vm.api.Meter.Use;
import io.satchel.vm.cpu.translate.CodeCache.Doing;
import io.satchel.vm.cpu.translate.Statistics;
import io.satchel.vm.machine.MachineLoop.Rest;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** What a meter says of a machine whose thread does what the test says. */
class MachineMeterTests {

  private static final long MILLI = 1_000_000;
  private static final Offset<Double> CLOSE = Offset.offset(1e-9);

  private final class Machine implements MachineMeter.Source {
    private long now = 12_345;
    private long processor = 99;
    private long instructions;
    private boolean resting;
    private Doing doing = Doing.INTERPRETING;
    private final Map<Rest, Long> slept = new EnumMap<>(Rest.class);

    @Override
    public long now() {
      return now;
    }

    @Override
    public long slept(Rest why) {
      return slept.getOrDefault(why, 0L);
    }

    @Override
    public boolean resting() {
      return resting;
    }

    @Override
    public long processorNanos() {
      return processor;
    }

    @Override
    public Doing doing() {
      return doing;
    }

    @Override
    public long instructions() {
      return instructions;
    }

    @Override
    public List<Statistics> statistics() {
      return List.of(statistics);
    }

    private void sleeps(Rest why, long millis) {
      slept.merge(why, millis * MILLI, Long::sum);
      now += millis * MILLI;
      resting = true;
      meter.look();
      resting = false;
    }

    /** So long, of which the host gives it a part. */
    private void runs(Doing what, long millis, long given) {
      doing = what;
      now += millis * MILLI;
      processor += given * MILLI;
      for (long n = 0; n < millis; n++) {
        meter.look();
      }
    }
  }

  private final Statistics statistics = new Statistics();
  private final Machine machine = new Machine();
  private long compiling;
  private final MachineMeter meter = new MachineMeter(machine, () -> compiling);

  @Test
  void everyUseHasItsShareAndTogetherTheyAreAll() {
    machine.sleeps(Rest.IDLE, 100);
    machine.sleeps(Rest.DISK, 200);
    machine.sleeps(Rest.HELD, 50);
    machine.runs(Doing.TRANSLATED, 325, 250);
    machine.runs(Doing.WARMING, 195, 150);
    machine.runs(Doing.INTERPRETING, 130, 100);
    Reading reading = meter.read();
    assertThat(reading.nanos()).isEqualTo(1_000 * MILLI);
    assertThat(reading.share(Use.IDLE)).isCloseTo(0.1, CLOSE);
    assertThat(reading.share(Use.DISK)).isCloseTo(0.2, CLOSE);
    assertThat(reading.share(Use.HELD)).isCloseTo(0.05, CLOSE);
    assertThat(reading.share(Use.HOST_BUSY)).as("650 ms, 500 given").isCloseTo(0.15, CLOSE);
    assertThat(reading.share(Use.TRANSLATED)).isCloseTo(0.25, CLOSE);
    assertThat(reading.share(Use.WARMING)).isCloseTo(0.15, CLOSE);
    assertThat(reading.share(Use.INTERPRETED)).isCloseTo(0.1, CLOSE);
    assertThat(Arrays.stream(Use.values()).mapToDouble(reading::share).sum()).isCloseTo(1, CLOSE);
  }

  @Test
  void aReadingBeginsWhereTheLastOneEnded() {
    machine.runs(Doing.TRANSLATED, 100, 100);
    machine.instructions = 1_000;
    statistics.noRegion = 7;
    compiling = 5;
    meter.read();
    machine.runs(Doing.INTERPRETING, 100, 100);
    machine.instructions = 1_500;
    statistics.noRegion = 9;
    statistics.instructions = 400;
    compiling = 8;
    Reading reading = meter.read();
    assertThat(reading.share(Use.INTERPRETED)).isCloseTo(1, CLOSE);
    assertThat(reading.instructions()).isEqualTo(500);
    assertThat(reading.translated()).isEqualTo(400);
    assertThat(reading.exits(Exit.NO_REGION)).isEqualTo(2);
    assertThat(reading.compilingNanos()).isEqualTo(3);
  }

  @Test
  void timeThatTheMachineIsPausedIsNotCounted() {
    machine.sleeps(Rest.PAUSED, 900);
    assertThat(meter.read().nanos()).isZero();
    machine.sleeps(Rest.PAUSED, 900);
    machine.sleeps(Rest.IDLE, 100);
    Reading reading = meter.read();
    assertThat(reading.nanos()).isEqualTo(100 * MILLI);
    assertThat(reading.share(Use.IDLE)).isCloseTo(1, CLOSE);
  }

  @Test
  void aHostWithoutProcessorTimesIsTakenForOneThatGivesAll() {
    machine.processor = -1;
    meter.read();
    machine.doing = Doing.TRANSLATED;
    machine.now += 10;
    meter.look();
    assertThat(meter.read().share(Use.TRANSLATED)).isCloseTo(1, CLOSE);
  }

  @Test
  void aRealMachineThatHaltsIsIdleAndOneThatIsHeldRests() throws Exception {
    assertThat(read("FB F4 EBFD").share(Use.IDLE)).isGreaterThan(0.5);
    assertThat(read("FB 6640 EBFC").share(Use.HELD)).isGreaterThan(0.5);
  }

  private static Reading read(String code) throws Exception {
    MachineConfig config = BootRig.config().withClock(Clock.HOST).withSpeed(Speed.I386);
    CompletableFuture<Reading> reading = new CompletableFuture<>();
    try (PcMachine machine =
            new PcMachine(
                BootRig.withFloppy(config, BootRig.floppy(code)),
                new MachineEvents() {},
                new IdleHost());
        Meter meter = machine.meter()) {
      machine.at(1_000 * MILLI, meter::read);
      machine.at(2_000 * MILLI, () -> reading.complete(meter.read()));
      machine.start();
      return reading.get(60, TimeUnit.SECONDS);
    }
  }
}
