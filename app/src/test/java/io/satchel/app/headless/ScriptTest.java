package io.satchel.app.headless;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.Machine;
import io.satchel.vm.host.ScreenImage;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class ScriptTest {

  private final List<int[]> moves = new ArrayList<>();
  private final Queue<Runnable> due = new ArrayDeque<>();

  /** A machine whose time passes as fast as the script wants. */
  private Machine machine() {
    return (Machine)
        Proxy.newProxyInstance(
            Machine.class.getClassLoader(),
            new Class<?>[] {Machine.class},
            (proxy, method, arguments) -> {
              switch (method.getName()) {
                case "at" -> due.add((Runnable) arguments[1]);
                case "pointer" ->
                    moves.add(
                        new int[] {(int) arguments[0], (int) arguments[1], (int) arguments[3]});
                case "status" -> {
                  return new Machine.Status(0, 0, 0, 0, false, "");
                }
                default -> throw new AssertionError(method);
              }
              return null;
            });
  }

  @Test
  void theMouseMovesAsFarAsItIsToldInSmallStepsAndThenClicks() {
    Script script = new Script(machine(), new ScreenImage(), List.of(new Step.Mouse(205, -33, 2)));
    script.start();
    for (int n = 0; n < 100 && !due.isEmpty(); n++) {
      due.remove().run();
    }
    assertThat(script.done()).isCompleted();
    assertThat(moves.stream().mapToInt(move -> move[0]).sum()).isEqualTo(205);
    assertThat(moves.stream().mapToInt(move -> move[1]).sum()).isEqualTo(-33);
    assertThat(moves).allMatch(move -> Math.abs(move[0]) <= 20 && Math.abs(move[1]) <= 20);
    assertThat(moves.get(moves.size() - 2)).containsExactly(0, 0, 2);
    assertThat(moves.getLast()).containsExactly(0, 0, 0);
  }
}
