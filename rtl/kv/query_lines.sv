// Codes of queries become operands of the engine: those of a fold, the queries that it takes at
// once, are gathered and leave in two cycles, with the sums of each group of 32.
//
// Segment s takes dimensions 16 s + code + 8 position; with 64 dimensions the second half of the
// segments takes them again.
module query_lines #(
  parameter int unsigned Queries = 2,
  localparam int unsigned LineW = 4 * 16 * Queries * 8,
  localparam int unsigned SumW = rce_pkg::QuerySumW,
  localparam int unsigned SumsW = rce_pkg::Groups * Queries * SumW
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             split_i,       // 64 dimensions
  input  logic             four_banks_i,
  input  logic             valid_i,
  input  logic [31:0]      codes_i,       // four dimensions; a query's come without gaps
  input  head_pkg::query_t query_i,       // with the first to the last
  output logic [1:0]       we_o,          // halves
  output logic [4:0]       entry_o,
  output logic [LineW-1:0] line_o,        // [bus][code][position][query]
  output logic [SumsW-1:0] query_sum_o,   // [group][query]
  output logic             query_done_o,  // as fold_done_o, after each query
  output logic             fold_done_o    // after the second half
);
  localparam int unsigned IndexW = $clog2(Queries);
  localparam int unsigned FoldW  = 2;
  localparam int unsigned Groups = rce_pkg::Groups;

  // The beat, and the sum of its codes.
  logic [4:0]          beat_q, beat1_q;
  logic                is_last, valid1_q, last1_q;
  logic [31:0]         codes1_q;
  logic signed [SumW-1:0] part, part_q;
  head_pkg::query_t    query1_q;
  assign is_last = split_i ? beat_q[3:0] == '1 : beat_q == '1;
  assign part = (SumW'(signed'(codes_i[7:0])) + SumW'(signed'(codes_i[15:8]))) +
                (SumW'(signed'(codes_i[23:16])) + SumW'(signed'(codes_i[31:24])));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q   <= '0;
      valid1_q <= 1'b0;
    end else begin
      if (valid_i) beat_q <= is_last ? '0 : beat_q + 1'b1;
      valid1_q <= valid_i;
    end
    last1_q  <= is_last;
    beat1_q  <= beat_q;
    codes1_q <= codes_i;
    part_q   <= part;
    query1_q <= query_i;
  end

  // Codes go to their places, sums of groups to theirs.
  logic signed [SumW-1:0] sum, sum_q;
  logic [Queries*128*8-1:0] lines_q;  // [half][bus][code][position][query]
  logic [SumsW-1:0]         sums_q;
  assign sum = part_q + (beat1_q[2:0] == '0 ? '0 : sum_q);
  always_ff @(posedge clk_i) begin
    if (valid1_q) sum_q <= sum;
  end
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    logic is_mine;
    if (Queries == 1) begin : gen_only
      assign is_mine = valid1_q;
    end else begin : gen_one
      assign is_mine = valid1_q && query1_q.query[IndexW-1:0] == IndexW'(q);
    end
    for (genvar i = 0; i < 128; i++) begin : gen_code
      localparam int unsigned Segment  = i / 16;
      localparam int unsigned Code     = i / 2 % 8;
      localparam int unsigned Position = i % 2;
      localparam int unsigned Beat     = 4 * Segment + 2 * Position + Code / 4;
      always_ff @(posedge clk_i) begin
        if (is_mine && beat1_q == 5'(Beat)) begin
          lines_q[8*(Queries*i+q) +: 8] <= codes1_q[8*(Code%4) +: 8];
        end
      end
    end
    for (genvar g = 0; g < Groups; g++) begin : gen_group
      always_ff @(posedge clk_i) begin
        if (is_mine && beat1_q == 5'(8 * g + 7)) sums_q[SumW*(Queries*g+q) +: SumW] <= sum;
      end
    end
  end
  assign query_sum_o = split_i ? {2{sums_q[SumsW/2-1:0]}} : sums_q;

  // A fold leaves: the next query's first codes are not in a place that is still to be read. With
  // 64 dimensions they would be, but then the second half is the first one again.
  logic is_first_q, is_second_q, ends_fold_q, query_done_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {is_first_q, is_second_q, query_done_q, query_done_o} <= '0;
      we_o        <= 2'b00;
      fold_done_o <= 1'b0;
    end else begin
      is_first_q   <= valid1_q && last1_q;
      is_second_q  <= is_first_q;
      query_done_q <= is_second_q;
      query_done_o <= query_done_q;
      we_o         <= {is_second_q, is_first_q} & {2{ends_fold_q}};
      fold_done_o  <= query_done_q && ends_fold_q;
    end
    if (valid1_q && last1_q) begin
      ends_fold_q <= query1_q.ends_fold;
      entry_o     <= kv_pkg::query_entry(four_banks_i, query1_q.bank,
                                         FoldW'(query1_q.query >> IndexW), query1_q.is_far);
    end
    if (is_first_q) line_o <= lines_q[LineW-1:0];
    else if (is_second_q && !split_i) line_o <= lines_q[2*LineW-1:LineW];
  end
endmodule
