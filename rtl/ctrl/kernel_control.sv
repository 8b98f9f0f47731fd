// A pass from start to done: checks geometry and registers, has the program fetched and walked, and
// waits until memory has answered all that is under way. Errors end the pass the same way.
//
// Everything but memory ports and registers is in reset while no pass runs, so a pass begins anew
// whatever the one before left behind.
module kernel_control #(
  parameter int unsigned Lanes = 4
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,
  output logic                        done_o,
  input  accllm_pkg::arguments_t      arguments_i,
  output accllm_pkg::status_t         status_o,
  output ctrl_pkg::pass_t             pass_o,
  output logic                        core_rst_no,
  // The parts of a pass.
  output logic                        check_start_o,
  input  logic                        check_done_i,
  input  logic                        check_fits_i,
  output logic                        fetch_start_o,
  output logic [31:0]                 fetch_count_o,
  output logic                        fetch_valid_o,  // a command for the instructions
  input  logic                        fetch_ready_i,
  output logic                        fetches_o,      // what comes are instructions
  input  logic                        fetch_done_i,
  input  accllm_pkg::kernel_error_e   fetch_error_i,
  input  logic [ctrl_pkg::IndexW-1:0] fetch_index_i,
  output logic                        walk_start_o,
  input  logic                        walk_done_i,
  input  logic [ctrl_pkg::IndexW-1:0] beat_index_i,   // whose beats are taken
  input  logic [ctrl_pkg::IndexW-1:0] result_index_i, // whose results are made
  // Memory ports.
  output logic                        discards_o,     // what still comes
  output logic                        error_clear_o,
  input  logic                        is_idle_i,
  input  logic [Lanes-1:0]            read_errors_i,
  input  logic [Lanes-1:0]            write_errors_i,
  // What is counted.
  input  logic                        streams_i,
  input  logic                        waits_memory_i,
  input  logic                        waits_room_i
);
  localparam int unsigned CountW = 48;
  localparam int unsigned TokensW = ctrl_pkg::TokensW;
  localparam int unsigned IndexW = ctrl_pkg::IndexW;
  typedef enum logic [3:0] {
    StateIdle,
    StateClear,
    StateRelease,
    StateCheck,
    StateCheckWait,
    StateCommand,
    StateFetch,
    StateWalk,
    StateRun,
    StateLeave,  // what has just been asked for becomes visible
    StateDrain,
    StateDone
  } state_e;
  state_e state_q;

  accllm_pkg::geometry_t geometry;
  assign geometry = arguments_i.geometry;
  logic is_legal_pass;
  assign is_legal_pass = arguments_i.n_tokens != '0 && arguments_i.n_tokens <= geometry.slots
                         && arguments_i.n_outputs <= arguments_i.n_tokens;
  assign pass_o = {arguments_i.n_tokens[TokensW-1:0], arguments_i.n_outputs[TokensW-1:0],
                   arguments_i.position, geometry.input_address, geometry.rope_address,
                   geometry.output_address};
  assign fetch_count_o = arguments_i.n_instructions > 32'(ctrl_pkg::MaxInstructions)
                         ? 32'(ctrl_pkg::MaxInstructions) : arguments_i.n_instructions;

  // The first error.
  accllm_pkg::kernel_error_e error, error_q;
  logic [IndexW-1:0]         index, index_q;
  logic [7:0]                channel, channel_q;
  logic                      has_read_error, has_write_error, is_busy, fails;
  assign has_read_error  = read_errors_i != '0;
  assign has_write_error = write_errors_i != '0;
  assign is_busy         = state_q != StateIdle && state_q != StateClear;
  always_comb begin
    error   = accllm_pkg::KernelErrorNone;
    index   = '0;
    channel = '0;
    for (int unsigned l = Lanes; l > 0; l--) begin
      if (has_read_error ? read_errors_i[l-1] : write_errors_i[l-1]) channel = 8'(l - 1);
    end
    if (has_read_error) begin
      error = accllm_pkg::KernelErrorReadFailed;
      index = state_q == StateFetch ? '0 : beat_index_i;
    end else if (has_write_error) begin
      error = accllm_pkg::KernelErrorWriteFailed;
      index = result_index_i;
    end else if (state_q == StateCheckWait && check_done_i && !check_fits_i) begin
      error = accllm_pkg::KernelErrorIllegalGeometry;
    end else if (state_q == StateCheckWait && check_done_i && !is_legal_pass) begin
      error = accllm_pkg::KernelErrorIllegalPass;
    end else if (state_q == StateFetch && fetch_done_i) begin
      error = fetch_error_i;
      index = fetch_index_i;
    end
  end
  assign fails = is_busy && error != accllm_pkg::KernelErrorNone
                 && error_q == accllm_pkg::KernelErrorNone;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      error_q   <= accllm_pkg::KernelErrorNone;
      index_q   <= '0;
      channel_q <= '0;
    end else if (fails) begin
      error_q   <= error;
      index_q   <= index;
      channel_q <= channel;
    end
  end

  logic is_ending, is_active;
  assign is_ending = state_q == StateLeave || state_q == StateDrain || state_q == StateDone;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateIdle;
    end else if (fails && !is_ending) begin
      state_q <= StateLeave;
    end else begin
      unique case (state_q)
        StateIdle:      if (start_i) state_q <= StateClear;
        StateClear:     state_q <= StateRelease;
        StateRelease:   state_q <= StateCheck;
        StateCheck:     state_q <= StateCheckWait;
        StateCheckWait: if (check_done_i) state_q <= StateCommand;
        StateCommand:   if (fetch_ready_i) state_q <= StateFetch;
        StateFetch:     if (fetch_done_i) state_q <= StateWalk;
        StateWalk:      state_q <= StateRun;
        StateRun:       if (walk_done_i) state_q <= StateLeave;
        StateLeave:     state_q <= StateDrain;
        StateDrain:     if (is_idle_i) state_q <= StateDone;
        default:        state_q <= StateIdle;
      endcase
    end
  end
  assign is_active     = is_busy && !is_ending;
  assign error_clear_o = state_q == StateClear;
  assign check_start_o = state_q == StateCheck;
  assign fetch_valid_o = state_q == StateCommand;
  assign fetch_start_o = fetch_valid_o && fetch_ready_i;
  assign fetches_o     = state_q == StateFetch;
  assign walk_start_o  = state_q == StateWalk;
  assign discards_o    = is_ending;
  assign done_o        = state_q == StateDone;
  logic is_released_q;
  always_ff @(posedge clk_i) is_released_q <= is_active;
  assign core_rst_no = rst_ni && is_released_q;  // low from the first cycle of a reset on

  // Counters.
  logic [CountW-1:0] cycles_q, streaming_q, memory_q, room_q;
  logic              counts;
  assign counts = state_q == StateRun;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      cycles_q    <= '0;
      streaming_q <= '0;
      memory_q    <= '0;
      room_q      <= '0;
    end else begin
      cycles_q    <= cycles_q + CountW'(is_busy);
      streaming_q <= streaming_q + CountW'(counts && streams_i);
      memory_q    <= memory_q + CountW'(counts && waits_memory_i);
      room_q      <= room_q + CountW'(counts && waits_room_i);
    end
  end

  accllm_pkg::kernel_state_e state;
  always_comb begin
    state = accllm_pkg::KernelStateRunning;
    if (state_q == StateIdle) state = accllm_pkg::KernelStateIdle;
    if (is_ending) state = accllm_pkg::KernelStateDraining;
  end
  assign status_o = {64'(room_q), 64'(memory_q), 64'(streaming_q), 64'(cycles_q), 32'(channel_q),
                     32'(index_q), 32'(error_q), 32'(state)};

  logic unused;
  assign unused = ^{arguments_i, geometry};
endmodule
