// Takes a program's instructions, checks them, and keeps the steps up to its end. Walkers begin
// when all is known to be legal.
//
// start_i, then beats; done_o for a cycle when all have come, with error_o and its instruction.
module instruction_fetch (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,
  input  logic [31:0]                 count_i,   // of beats that come
  input  ctrl_pkg::shape_t            shape_i,
  input  logic                        has_attention_i,
  input  logic                        valid_i,   // takes it
  input  accllm_pkg::instruction_t    beat_i,
  output logic                        done_o,
  output accllm_pkg::kernel_error_e   error_o,
  output logic [ctrl_pkg::IndexW-1:0] index_o,   // of the illegal one, or the last one
  // A step, a cycle later.
  input  logic                        read_i,
  input  logic [ctrl_pkg::IndexW-1:0] raddr_i,
  output ctrl_pkg::step_t             step_o
);
  localparam int unsigned IndexW = ctrl_pkg::IndexW;
  logic              is_open_q, takes, is_last, is_legal, is_end, has_end_q, is_bad_q;
  logic [IndexW-1:0] index_q;
  logic [31:0]       left_q;  // less one
  ctrl_pkg::step_t   step;
  assign takes   = valid_i && is_open_q;
  assign is_last = left_q == '0;
  assign is_end  = step.opcode == accllm_pkg::OpcodeEnd;

  instruction_decode u_decode (
    .clk_i, .clear_i(start_i), .take_i(takes), .instruction_i(beat_i), .index_i(index_q), .shape_i,
    .has_attention_i, .step_o(step), .is_legal_o(is_legal)
  );
  ram_1w1r #(.Width(ctrl_pkg::StepW), .Depth(ctrl_pkg::MaxInstructions), .Style("block")) u_steps (
    .clk_i, .we_i(takes && !has_end_q), .waddr_i(index_q), .wdata_i(step), .re_i(read_i), .raddr_i,
    .rdata_o(step_o)
  );

  logic is_good;  // the program goes on
  assign is_good = !has_end_q && !is_bad_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_open_q <= 1'b0;
      done_o    <= 1'b0;
    end else begin
      if (start_i) is_open_q <= count_i != '0;
      else if (takes && is_last) is_open_q <= 1'b0;
      done_o <= (start_i && count_i == '0) || (takes && is_last);
    end
    if (start_i) begin
      index_q   <= '0;
      left_q    <= count_i - 32'd1;
      has_end_q <= 1'b0;
      is_bad_q  <= 1'b0;
    end else if (takes) begin
      index_q <= index_q + 1'b1;
      left_q  <= left_q - 32'd1;
      if (is_good && is_legal && is_end) has_end_q <= 1'b1;
      if (is_good && !is_legal) is_bad_q <= 1'b1;
      if (is_good) index_o <= index_q;
    end
  end
  always_comb begin
    error_o = accllm_pkg::KernelErrorNone;
    if (is_bad_q) error_o = accllm_pkg::KernelErrorIllegalInstruction;
    else if (!has_end_q) error_o = accllm_pkg::KernelErrorTruncatedProgram;
  end
endmodule
