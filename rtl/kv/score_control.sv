// Beats of keys become steps, a score of each lane a step: queries times the first token of a beat,
// then the same times the second, if there is one. A beat comes as many cycles after the one before
// as that one has steps, or later; StepStage later its first step comes.
module score_control (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  kv_pkg::key_beat_t         beat_i,         // as the engine gets it
  // What is known of queries.
  input  logic                      table_we_i,
  input  logic [kv_pkg::BankW-1:0]  table_bank_i,
  input  logic [kv_pkg::QueryW-1:0] table_query_i,
  input  kv_pkg::window_t           table_window_i,
  input  kv_pkg::factors_t          table_factors_i,
  // To all lanes.
  output kv_pkg::step_t             step_o,
  output logic                      split_o,        // of its beat
  output kv_pkg::window_t           window_o,       // a cycle later
  output kv_pkg::factors_t          factors_o,      // ScaleStage later
  output kv_pkg::score_write_t      write_o,        // ScoreStages later
  output logic [kv_pkg::AddressW-1:0] address_o,    // of that score, counted since the reset
  output logic                      side_we_o,      // RecordStage after the beat
  output logic [kv_pkg::AddressW-1:0] side_row_o
);
  localparam int unsigned AddressW = kv_pkg::AddressW;
  localparam int unsigned SlotW = kv_pkg::SlotW;
  localparam int unsigned QueryW = kv_pkg::QueryW;
  localparam int unsigned FactorsW = kv_pkg::FactorsW;
  localparam int unsigned WindowW = kv_pkg::WindowW;
  localparam int unsigned BankW = kv_pkg::BankW;
  localparam int unsigned BeatW = SlotW + 3 + BankW + 2 * QueryW;
  localparam int unsigned Wait = kv_pkg::StepStage - 1;

  logic              arrives;
  logic [Wait-1:0]   valid_q;
  logic [SlotW-1:0]  slot;
  logic              start, last, split;
  logic [BankW-1:0]  bank, bank_q;
  logic [QueryW-1:0] first_query, last_query;
  assign arrives = valid_q[Wait-1];
  delay_ring #(.Width(BeatW), .Delay(Wait)) u_beat (
    .clk_i, .en_i(1'b1),
    .data_i({beat_i.slot, beat_i.start, beat_i.last, beat_i.split, beat_i.bank,
             beat_i.first_query, beat_i.last_query}),
    .data_o({slot, start, last, split, bank, first_query, last_query})
  );

  logic              start_q, last_q, split_q, ends_token, ends;
  logic [QueryW-1:0] first_query_q, last_query_q;
  assign ends_token = step_o.query == last_query_q;
  assign ends       = ends_token && step_o.half == split_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q      <= '0;
      step_o.valid <= 1'b0;
    end else begin
      valid_q      <= {valid_q[Wait-2:0], beat_i.valid};
      step_o.valid <= arrives || (step_o.valid && !ends);
    end
  end
  always_ff @(posedge clk_i) begin
    step_o.first <= arrives;
    if (arrives) begin
      step_o.half  <= 1'b0;
      step_o.query <= first_query;
      step_o.slot  <= slot;
      {start_q, last_q, split_q, bank_q} <= {start, last, split, bank};
      {first_query_q, last_query_q}      <= {first_query, last_query};
    end else begin
      step_o.half  <= step_o.half || ends_token;
      step_o.query <= ends_token ? first_query_q : step_o.query + 1'b1;
    end
  end

  assign split_o = split_q;

  logic [FactorsW-1:0] factors;
  ram_1w1r #(
    .Width(WindowW + FactorsW), .Depth(2 ** (QueryW + BankW)), .Style("distributed")
  ) u_table (
    .clk_i, .we_i(table_we_i), .waddr_i({table_bank_i, table_query_i}),
    .wdata_i({table_window_i, table_factors_i}), .re_i(1'b1), .raddr_i({bank_q, step_o.query}),
    .rdata_o({window_o, factors})
  );
  always_ff @(posedge clk_i) factors_o <= factors;

  pipe_valid #(.Width(QueryW + 2), .Stages(kv_pkg::ScoreStages)) u_write (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(step_o.valid),
    .data_i({start_q && !step_o.half, last_q && ends, step_o.query}),
    .valid_o(write_o.valid), .data_o({write_o.start, write_o.done, write_o.query})
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) address_o <= '0;
    else address_o <= address_o + AddressW'(write_o.valid);
  end
  pipe_valid #(.Width(AddressW), .Stages(kv_pkg::RecordStage)) u_side (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(beat_i.valid), .data_i(beat_i.row), .valid_o(side_we_o),
    .data_o(side_row_o)
  );

  logic unused;
  assign unused = ^beat_i.index;  // of the lanes' records
endmodule
