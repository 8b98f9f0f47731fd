// Of a cluster of up to 8 lanes, whose values are of one group of dimensions: levels become
// operands, and sums become floats.
module value_operands #(
  parameter int unsigned Lanes       = 4,
  parameter int unsigned Queries     = 2,
  parameter int unsigned HeadQueries = 4,
  parameter int unsigned Index       = 0,  // of the cluster
  localparam int unsigned Cluster  = Lanes < 8 ? Lanes : 8,
  localparam int unsigned Groups   = rce_pkg::Groups,
  localparam int unsigned DspW     = rce_pkg::DspW,
  localparam int unsigned LevelsW  = Lanes * Queries * Groups * kv_pkg::LevelW,
  localparam int unsigned LineW    = 4 * 16 * Queries * 8,
  localparam int unsigned SumsW    = HeadQueries * Groups * DspW,
  localparam int unsigned ScalesW  = HeadQueries * 32,
  localparam int unsigned PlaceW   = $clog2(4 * Cluster * Queries),
  localparam int unsigned SetsW    = ctrl_pkg::SetsW,
  localparam int unsigned FoldsW   = ctrl_pkg::FoldsW,
  localparam int unsigned RowW     = kv_pkg::ChunkRowsW
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic                          split_i,
  // Levels.
  input  logic                          gather_i,
  input  logic [RowW-1:0]               row_i,
  input  logic [SetsW-1:0]              level_set_i,
  input  logic [LevelsW-1:0]            level_i,      // [lane][query][group]
  output logic [LineW-1:0]              line_o,
  // Sums that come next.
  input  logic                          take_i,
  input  logic [SetsW-1:0]              set_i,
  input  logic [FoldsW-1:0]             fold_i,
  input  logic [SumsW-1:0]              zero_sum_i,   // [query][group]
  input  logic [ScalesW-1:0]            out_scale_i,  // [query]
  input  logic                          valid_i,
  input  logic [1:0]                    dim_i,
  input  logic [Cluster*Queries*DspW-1:0] sum_i,      // [lane][query]
  output logic                          valid_o,
  output logic [PlaceW-1:0]             place_o,
  output logic [31:0]                   value_o,
  output logic                          done_o
);
  localparam int unsigned LaneW      = $clog2(Lanes);
  localparam int unsigned SplitLanes = Lanes < 16 ? Lanes : 16;
  localparam int unsigned SplitW     = SplitLanes * Queries * Groups * kv_pkg::LevelW;
  // Eight lanes have a group.
  function automatic logic [1:0] group_of(logic [SetsW-1:0] set);
    group_of = 2'(((8'(set) << LaneW) >> 3) + 8'(Index));
  endfunction

  level_gather #(.Lanes(Lanes), .SplitLanes(SplitLanes), .Queries(Queries)) u_gather (
    .clk_i, .valid_i(gather_i), .row_i, .split_i, .group_i(group_of(level_set_i)), .level_i,
    .split_level_i(level_i[SplitW-1:0]), .line_o
  );

  // Selections at multiples of powers of two are trees of multiplexers.
  localparam int unsigned WideW = 2 ** $clog2(DspW);
  logic [HeadQueries*Groups*WideW-1:0] wide_sums;
  for (genvar i = 0; i < HeadQueries * Groups; i++) begin : gen_wide
    assign wide_sums[WideW*i +: WideW] = WideW'(zero_sum_i[DspW*i +: DspW]);
  end
  logic [1:0]            group;
  logic [Queries*DspW-1:0] zero_sums;
  logic [Queries*32-1:0]   out_scales;
  assign group = group_of(set_i);
  always_comb begin
    zero_sums  = '0;
    out_scales = '0;
    for (int unsigned q = 0; q < HeadQueries; q++) begin
      if (FoldsW'(q / Queries) == fold_i) begin
        zero_sums[DspW*(q%Queries) +: DspW] = wide_sums[WideW*(Groups*q+32'(group)) +: DspW];
        out_scales[32*(q%Queries) +: 32]    = out_scale_i[32*q +: 32];
      end
    end
  end
  value_collector #(.Lanes(Cluster), .Queries(Queries)) u_collector (
    .clk_i, .rst_ni, .take_i, .zero_sum_i(zero_sums), .out_scale_i(out_scales), .valid_i, .dim_i,
    .sum_i, .valid_o, .place_o, .value_o, .done_o
  );

  logic unused;
  assign unused = ^wide_sums;
endmodule
